//! The cycle model of `sgcn_aggregate` against its RTL.

use nearfield::graph::features;
use nearfield::graph::masks::Masks;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::sgcn::{self, mode};
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::register;
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use nearfield_sim::sgcn::{run, Job, Machine, Outcome, Pattern};
use nearfield_sim::{KernelSim, Options};
use nearfield_tests::rng::{long, seed, Rng};

const MOST_CYCLES: u64 = 2_000_000;
const RUNS: u32 = mode::WEIGHTED | mode::HASHED | mode::DYNAMIC;
const FORMATS: [u32; 5] =
    [mode::BEICSR, mode::PUBLISHED, mode::PUBLISHED | mode::LENGTH_KNOWN, mode::DENSE, mode::PAIRS];

struct Case<'a> {
    row_pointers: &'a [u32],
    columns: &'a [u32],
    features: &'a [f32],
    width: usize,
    slice: usize,
    strip: u32,
    mode: u32,
}

fn bytes(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

impl Case<'_> {
    fn rows(&self) -> usize {
        self.row_pointers.len() - 1
    }

    /// Features and table, as memory has them.
    fn stored(&self) -> (Vec<u8>, Vec<u8>) {
        let shape = Shape::new(self.rows(), self.width, self.slice).unwrap();
        let packed = |layout| {
            let encoded = encode(layout, shape, self.features);
            (bytes(encoded.words), encoded.table)
        };
        match self.mode & mode::FORMAT {
            mode::BEICSR => packed(Layout::Beicsr),
            mode::PUBLISHED => packed(Layout::Published),
            mode::DENSE => {
                let pad = self.width.next_multiple_of(16) - self.width;
                let row = |row: &[f32]| bytes(row.iter().map(|x| x.to_bits()).chain(vec![0; pad]));
                (self.features.chunks(self.width).flat_map(row).collect(), Vec::new())
            }
            _ => {
                let pairs = encode_pairs(shape, self.features).unwrap();
                (bytes(pairs.pair_words()), bytes(pairs.table_words()))
            }
        }
    }

    /// Cycles and counters of the RTL.
    fn on_rtl(&self, sim: &mut KernelSim, config: KernelConfig, board: &Board) -> Outcome {
        let ports = config.ports;
        let base = |port: u32| board.bank_base(port % board.banks) + (u64::from(port / board.banks + 1) << 20);
        let (features, table) = self.stored();
        let weights = vec![0.5_f32.to_bits(); self.columns.len()];
        let (pointers, columns) = (self.row_pointers.iter().copied(), self.columns.iter().copied());
        let mut at = 0;
        let mut arguments: Vec<u64> = (0..ports).map(base).collect();
        for region in [bytes(pointers), bytes(columns), bytes(weights), features, table] {
            arguments.push(u64::from(at));
            for chunk in region.chunks(1024) {
                let (port, line) = sgcn::place(at, ports);
                sim.write_memory(base(port) + sgcn::LINE_BYTES * u64::from(line), chunk).unwrap();
                at += sgcn::STRIPE_LINES;
            }
        }
        let scalars = [
            at,
            self.rows() as u32,
            self.columns.len() as u32,
            self.width as u32,
            self.slice as u32,
            self.strip,
            self.mode,
        ];
        arguments.extend(scalars.map(u64::from));
        for (argument, value) in config.arguments().iter().zip(arguments) {
            sim.write_register(argument.offset, value as u32).unwrap();
            if matches!(argument.kind, ArgumentKind::Pointer { .. }) {
                sim.write_register(argument.offset + 4, (value >> 32) as u32).unwrap();
            }
        }
        sim.start().unwrap();
        sim.run_until_done(MOST_CYCLES).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(sim.read_register(register::ERROR_CODE).unwrap(), register::error::NONE);
        let mut read = |offset| u64::from(sim.read_register(offset).unwrap());
        let cycles = read(register::CYCLES);
        Outcome { cycles, counters: config.counters().into_iter().map(|c| (c.name, read(c.offset))).collect() }
    }

    fn on_model(&self, machine: &Machine) -> Outcome {
        let mut bits = vec![0_u32; self.rows() * self.width.div_ceil(32)];
        for (row, words) in self.features.chunks(self.width).zip(bits.chunks_mut(self.width.div_ceil(32))) {
            for (column, _) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                words[column / 32] |= 1 << (column % 32);
            }
        }
        let job = Job {
            row_pointers: self.row_pointers,
            columns: self.columns,
            width: self.width as u32,
            slice: self.slice as u32,
            strip: self.strip,
            mode: self.mode,
            pattern: Pattern::Bits(&bits),
        };
        run(machine, &job, MOST_CYCLES).unwrap()
    }
}

/// A graph of 60 vertices, some without neighbours and one with many.
fn small(rng: &mut Rng) -> (Vec<u32>, Vec<u32>) {
    let (mut pointers, mut columns) = (vec![0], Vec::new());
    for row in 0..60 {
        let degree = if row == 1 { 70 } else { rng.below(12) };
        columns.extend((0..degree).map(|_| rng.below(60) as u32 | u32::from(rng.one_in(4)) << 31));
        pointers.push(columns.len() as u32);
    }
    (pointers, columns)
}

/// One engine, one port and a memory that is always as fast: nothing is left open, and the model is exact.
#[test]
fn with_one_engine_the_model_has_the_cycles_and_counters_of_the_rtl() {
    let mut rng = Rng::new(seed("cycle model", 11));
    let board = Board::from_name("ideal").unwrap();
    let config = KernelConfig::sgcn_aggregate(1, 1).unwrap();
    let mut sim = KernelSim::open(config, board, Options::default()).unwrap();
    let (row_pointers, columns) = small(&mut rng);
    for (format, (width, slice)) in FORMATS.into_iter().flat_map(|f| [(f, (137, 96)), (f, (64, 32))]) {
        let share = 1 + rng.below(3);
        let features: Vec<f32> = (0..60 * width).map(|_| if rng.below(4) < share { 1.0 } else { 0.0 }).collect();
        let modes = [0, mode::HASHED, mode::DYNAMIC | mode::BYPASS, mode::WEIGHTED | mode::HASHED];
        let (mode, strip) = (format | modes[rng.below(4)], [1, 3, 4, 32][rng.below(4)]);
        let case =
            Case { row_pointers: &row_pointers, columns: &columns, features: &features, width, slice, strip, mode };
        let (rtl, model) = (case.on_rtl(&mut sim, config, board), case.on_model(&Machine::new(1, 1, board)));
        let what = format!("mode {mode:#x}, width {width}, slice {slice}, strip {strip}");
        assert_eq!(model.cycles, rtl.cycles, "{what}");
        for ((name, model), (_, rtl)) in model.counters.iter().zip(&rtl.counters) {
            assert_eq!(model, rtl, "{what}: {name}");
        }
    }
}

/// With DRAM a run depends on when refresh comes, and so on when it began: the model is as near as two runs are to each other.
#[test]
fn with_sixteen_engines_and_dram_the_model_is_within_five_percent() {
    if !long() {
        println!("skipped: NEARFIELD_LONG=1 (make test-long) runs it");
        return;
    }
    let board = Board::from_name("hbm2-256").unwrap();
    let config = KernelConfig::sgcn_aggregate(16, 8).unwrap();
    let (graph, _) = Masks::cora28().unwrap();
    let mut sim = KernelSim::open(config, board, Options::default()).unwrap();
    let known = mode::PUBLISHED | mode::LENGTH_KNOWN;
    for (density, runs) in [
        (0.3, vec![(mode::BEICSR, 256, 4), (mode::PUBLISHED, 256, 4), (mode::DENSE, 96, 4), (mode::DENSE, 64, 4)]),
        (0.5, vec![(mode::BEICSR, 256, 4), (mode::BEICSR, 256, 8), (mode::BEICSR, 256, 2), (known, 256, 4)]),
    ] {
        let features = features::bernoulli(graph.vertices(), 256, density, 7);
        for (format, slice, strip) in runs {
            let (row_pointers, columns) = (graph.row_pointers(), graph.columns());
            let case =
                Case { row_pointers, columns, features: &features, width: 256, slice, strip, mode: RUNS | format };
            let (rtl, model) = (case.on_rtl(&mut sim, config, board), case.on_model(&Machine::new(16, 8, board)));
            let ratio = model.cycles as f64 / rtl.cycles as f64;
            println!(
                "density {density}, mode {format:#x}, slice {slice}, strip {strip}: {} / {}",
                model.cycles, rtl.cycles
            );
            assert!((ratio - 1.0).abs() < 0.05, "the model has {} cycles, the RTL {}", model.cycles, rtl.cycles);
            for exact in ["ops", "feature_requests", "lookup_requests", "graph_requests", "rows", "write_beats"] {
                assert_eq!(model.sum(exact), rtl.sum(exact), "{exact}");
            }
            let near = |name: &str| model.sum(name) as f64 / rtl.sum(name) as f64;
            assert!((near("hits") - 1.0).abs() < 0.05 && (near("misses") - 1.0).abs() < 0.05, "{model:?} {rtl:?}");
        }
    }
}
