use nearfield_abi::board::Board;
use nearfield_abi::kernel::sgcn::{self, mode, scalar};
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::register;
use nearfield_model::aggregate::aggregate;
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use nearfield_sim::{KernelSim, Options};

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Graph {
    ptr: Vec<u32>,
    col: Vec<u32>,
    w: Vec<f32>,
}

fn graph(v: usize, avg: u64, hub: usize, rng: &mut Rng) -> Graph {
    let (mut ptr, mut col, mut w) = (vec![0], vec![], vec![]);
    for r in 0..v {
        let d = if r == 1 { hub as u64 } else { rng.below(2 * avg + 1) };
        for _ in 0..d {
            col.push(rng.below(v as u64) as u32);
            w.push((rng.unit() * 2.0 - 1.0) as f32);
        }
        ptr.push(col.len() as u32);
    }
    Graph { ptr, col, w }
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (n, m): (u32, u32) = (a[1].parse().unwrap(), a[2].parse().unwrap());
    let board = Board::from_name(&a[3]).unwrap();
    let v: usize = a[4].parse().unwrap();
    let avg: u64 = a[5].parse().unwrap();
    let width: usize = a[6].parse().unwrap();
    let slice: usize = a[7].parse().unwrap();
    let density: f64 = a[8].parse().unwrap();
    let trace = a.get(9).map(|p| p.into());
    let formats: Vec<u32> = std::env::var("F").map_or(vec![0, 1, 2, 3, 4], |f| f.split(',').map(|x| x.parse().unwrap()).collect());
    let config = KernelConfig::sgcn_aggregate(n, m).unwrap();
    let t = std::time::Instant::now();
    let mut design = nearfield_hdl::kernel::emit(config).unwrap();
    if let Ok(dir) = std::env::var("V") {
        for artifact in &mut design.artifacts {
            artifact.text = std::fs::read_to_string(format!("{dir}/{}", artifact.path)).unwrap();
        }
    }
    if let Ok(dir) = std::env::var("W") {
        for artifact in &design.artifacts {
            std::fs::write(format!("{dir}/{}", artifact.path), &artifact.text).unwrap();
        }
    }
    let mut sim = KernelSim::with_design(&design, config.masters(), board, Options { seed: 5, trace, ..Options::default() }).unwrap_or_else(|e| panic!("{e}"));
    println!("open {:?}", t.elapsed());
    let mut rng = Rng(0x1234_5678_9abc_def1);
    let hub = std::env::var("HUB").map_or(0, |h| h.parse().unwrap());
    let g = graph(v, avg, hub, &mut rng);
    let x: Vec<f32> = (0..v * width)
        .map(|_| if rng.unit() < density { (rng.unit() * 2.0 - 1.0) as f32 } else if rng.below(2) == 0 { 0.0 } else { -0.0 })
        .collect();
    let shape = Shape::new(v, width, slice).unwrap();
    let expected = aggregate(&g.ptr, &g.col, Some(&g.w), &x, width);
    for format in formats {
        let row_words = width.div_ceil(16) * 16;
        let (feat, table): (Vec<u32>, Vec<u8>) = match format {
            0 => {
                let e = encode(Layout::Beicsr, shape, &x);
                (e.words, e.table)
            }
            1 | 4 => {
                let e = encode(Layout::Published, shape, &x);
                (e.words, e.table)
            }
            2 => {
                let mut out = vec![0u32; v * row_words];
                for r in 0..v {
                    for c in 0..width {
                        out[r * row_words + c] = x[r * width + c].to_bits();
                    }
                }
                (out, vec![])
            }
            _ => {
                let p = encode_pairs(shape, &x).unwrap();
                (p.pair_words(), p.table_words().iter().flat_map(|w| w.to_le_bytes()).collect())
            }
        };
        let bytes = |w: &[u32]| w.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        let regions = [
            bytes(&g.ptr),
            bytes(&g.col),
            bytes(&g.w.iter().map(|w| w.to_bits()).collect::<Vec<_>>()),
            bytes(&feat),
            table,
        ];
        let mut at = 0u32;
        let mut las = vec![];
        for r in &regions {
            las.push(at);
            at += (r.len().div_ceil(1024) * 16) as u32;
        }
        las.push(at);
        let out_lines = (v * row_words / 16) as u32;
        let base = |p: u32| board.bank_base(p % board.banks) + 0x10_0000 * u64::from(p / board.banks + 1);
        let address = |la: u32| {
            let (p, l) = sgcn::place(la, m);
            base(p) + 64 * u64::from(l)
        };
        for (r, &la) in regions.iter().zip(&las) {
            for (i, chunk) in r.chunks(1024).enumerate() {
                sim.write_memory(address(la + 16 * i as u32), chunk).unwrap();
            }
        }
        for i in 0..out_lines.div_ceil(16) {
            sim.write_memory(address(at + 16 * i), &[0xa5; 1024]).unwrap();
        }
        let args = config.arguments();
        let mut set = |sim: &mut KernelSim, id: usize, value: u64| {
            sim.write_register(args[id].offset, value as u32).unwrap();
            if matches!(args[id].kind, ArgumentKind::Pointer { .. }) {
                sim.write_register(args[id].offset + 4, (value >> 32) as u32).unwrap();
            }
        };
        for p in 0..m {
            set(&mut sim, p as usize, base(p));
        }
        let f = if format == 4 { 1 | mode::LENGTH_KNOWN } else { format };
        let md = f | mode::WEIGHTED | mode::HASHED | if std::env::var("STATIC").is_ok() { 0 } else { mode::DYNAMIC };
        let strip = std::env::var("STRIP").map_or(4, |h| h.parse().unwrap());
        for (i, val) in [las[0], las[1], las[2], las[3], las[4], las[5], v as u32, g.col.len() as u32, width as u32, slice as u32, strip, md]
            .into_iter()
            .enumerate()
        {
            set(&mut sim, sgcn::id(m, i), val.into());
        }
        let _ = scalar::COUNT;
        let t = std::time::Instant::now();
        sim.start().unwrap();
        let report = sim.run_until_done(2_000_000).unwrap_or_else(|e| panic!("{e}"));
        let el = t.elapsed();
        let err = (sim.read_register(register::ERROR_CODE).unwrap(), sim.read_register(register::ERROR_PORT).unwrap(), sim.read_register(register::ERROR_ADDRESS).unwrap());
        let cycles = sim.read_register(register::CYCLES).unwrap();
        let mut bad = 0;
        for i in 0..out_lines {
            let mut line = [0u8; 64];
            sim.read_memory(address(at + i), &mut line).unwrap();
            for j in 0..16 {
                let word = i as usize * 16 + j;
                let (r, c) = (word / row_words, word % row_words);
                let got = u32::from_le_bytes(line[4 * j..4 * j + 4].try_into().unwrap());
                let want = if c < width { expected[r * width + c].to_bits() } else { 0 };
                if got != want {
                    bad += 1;
                    if bad < 6 {
                        println!("row {r} col {c}: {got:08x} for {want:08x}");
                    }
                }
            }
        }
        println!(
            "format {format}: {bad} wrong, error {err:x?}, cycles {cycles} (report {}), {:.0} cycles/s",
            report.cycles,
            report.cycles as f64 / el.as_secs_f64()
        );
        if std::env::var("C").is_ok() {
            for c in config.counters() {
                println!("  {} {}", c.name, sim.read_register(c.offset).unwrap());
            }
        }
    }
}
