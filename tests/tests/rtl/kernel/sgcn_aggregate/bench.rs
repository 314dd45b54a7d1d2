//! `sgcn_aggregate` on a board, and the arena in which a run's graph, features and results lie.

use nearfield_abi::board::Board;
use nearfield_abi::kernel::sgcn::{id, mode, place, scalar, STRIPE_LINES};
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_abi::register;
use nearfield_model::aggregate::aggregate;
use nearfield_model::beicsr::{encode, encode_pairs, Layout, Shape};
use nearfield_sim::{KernelSim, Options};
use nearfield_tests::rng::Rng;

/// How features are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Beicsr,
    Published { known: bool },
    Dense,
    Pairs,
}

impl Format {
    fn mode(self) -> u32 {
        match self {
            Format::Beicsr => mode::BEICSR,
            Format::Published { known: false } => mode::PUBLISHED,
            Format::Published { known: true } => mode::PUBLISHED | mode::LENGTH_KNOWN,
            Format::Dense => mode::DENSE,
            Format::Pairs => mode::PAIRS,
        }
    }
}

/// A graph with features `[vertices, width]`.
#[derive(Clone, Debug)]
pub struct Case {
    pub pointers: Vec<u32>,
    /// Bit 31 may be set.
    pub columns: Vec<u32>,
    pub weights: Option<Vec<f32>>,
    pub features: Vec<f32>,
    pub width: usize,
}

impl Case {
    pub fn vertices(&self) -> usize {
        self.pointers.len() - 1
    }

    /// The sums, each row padded to whole lines with zeros.
    fn expected(&self) -> Vec<u32> {
        let sums = aggregate(&self.pointers, &self.columns, self.weights.as_deref(), &self.features, self.width);
        padded(&sums, self.width)
    }
}

/// How a run is done.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub format: Format,
    pub slice: usize,
    pub strip: u32,
    pub dynamic: bool,
    pub hashed: bool,
    pub bypass: bool,
}

fn padded(rows: &[f32], width: usize) -> Vec<u32> {
    let stride = width.div_ceil(16) * 16;
    let bits =
        |row: &[f32]| row.iter().map(|x| x.to_bits()).chain(std::iter::repeat(0)).take(stride).collect::<Vec<_>>();
    rows.chunks(width).flat_map(bits).collect()
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The regions of a run in the order of the arguments that name them; the last one, the output, is not written.
pub struct Regions {
    pub data: [Vec<u8>; 5],
}

impl Regions {
    pub fn of(case: &Case, how: &How) -> Regions {
        let shape = Shape::new(case.vertices(), case.width, how.slice).unwrap();
        let (features, table) = match how.format {
            Format::Beicsr => {
                let encoded = encode(Layout::Beicsr, shape, &case.features);
                (bytes(&encoded.words), encoded.table)
            }
            Format::Published { .. } => {
                let encoded = encode(Layout::Published, shape, &case.features);
                (bytes(&encoded.words), encoded.table)
            }
            Format::Dense => (bytes(&padded(&case.features, case.width)), Vec::new()),
            Format::Pairs => {
                let encoded = encode_pairs(shape, &case.features).unwrap();
                (bytes(&encoded.pair_words()), bytes(&encoded.table_words()))
            }
        };
        let weights: Vec<u32> = case.weights.iter().flatten().map(|w| w.to_bits()).collect();
        Regions { data: [bytes(&case.pointers), bytes(&case.columns), bytes(&weights), features, table] }
    }
}

pub struct Bench {
    pub sim: KernelSim,
    pub config: KernelConfig,
    bases: Vec<u64>,
}

impl Bench {
    pub fn open(engines: u32, ports: u32, board: &str, seed: u64) -> Bench {
        let config = KernelConfig::sgcn_aggregate(engines, ports).expect("such a kernel exists");
        let board = Board::from_name(board).expect("such a board exists");
        let sim = KernelSim::open(config, board, Options { seed, ..Options::default() })
            .unwrap_or_else(|e| panic!("{} on {}: {e}", config.name(), board.name));
        let base = |port: u32| {
            let at = board.bank_base(port % board.banks) + 0x10_0000 * u64::from(port / board.banks + 1);
            at.next_multiple_of(4096)
        };
        Bench { sim, config, bases: (0..ports).map(base).collect() }
    }

    /// The device address of a line of the arena.
    pub fn address(&self, line: u32) -> u64 {
        let (port, there) = place(line, self.config.ports);
        self.bases[port as usize] + 64 * u64::from(there)
    }

    fn put(&mut self, line: u32, data: &[u8]) {
        for (stripe, part) in (0..).zip(data.chunks(64 * STRIPE_LINES as usize)) {
            let address = self.address(line + stripe * STRIPE_LINES);
            self.sim.write_memory(address, part).unwrap();
        }
    }

    pub fn argument(&mut self, id: usize, value: u64) {
        let argument = self.config.arguments()[id];
        self.sim.write_register(argument.offset, value as u32).unwrap();
        if matches!(argument.kind, ArgumentKind::Pointer { .. }) {
            self.sim.write_register(argument.offset + 4, (value >> 32) as u32).unwrap();
        }
    }

    pub fn scalar(&mut self, scalar: usize, value: u32) {
        self.argument(id(self.config.ports, scalar), value.into());
    }

    /// Lays out a run's memory and writes its arguments; the lines where regions begin, the output last.
    pub fn give(&mut self, case: &Case, how: &How, regions: &Regions) -> [u32; 6] {
        let mut lines = [0; 6];
        let mut next = 3;
        for (line, data) in lines.iter_mut().zip(&regions.data) {
            *line = next;
            // Odd beginnings, and a gap.
            next += data.len().div_ceil(64) as u32 + 5;
        }
        lines[5] = next;
        for (line, data) in lines.into_iter().zip(&regions.data) {
            for (i, part) in (0..).zip(data.chunks(64)) {
                self.put(line + i, part);
            }
        }
        for line in 0..self.output_lines(case) + 2 {
            self.put(next - 1 + line, &[0xa5; 64]);
        }
        for port in 0..self.config.ports as usize {
            self.argument(port, self.bases[port]);
        }
        let weighted = if case.weights.is_some() { mode::WEIGHTED } else { 0 };
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        let flags = flag(how.dynamic, mode::DYNAMIC) | flag(how.hashed, mode::HASHED) | flag(how.bypass, mode::BYPASS);
        let of =
            [scalar::ROW_POINTERS, scalar::COLUMNS, scalar::WEIGHTS, scalar::FEATURES, scalar::TABLE, scalar::OUTPUT];
        of.into_iter().zip(lines).for_each(|(scalar, line)| self.scalar(scalar, line));
        self.scalar(scalar::ROWS, case.vertices() as u32);
        self.scalar(scalar::EDGES, case.columns.len() as u32);
        self.scalar(scalar::WIDTH, case.width as u32);
        self.scalar(scalar::SLICE, how.slice as u32);
        self.scalar(scalar::STRIP, how.strip);
        self.scalar(scalar::MODE, how.format.mode() | weighted | flags);
        lines
    }

    fn output_lines(&self, case: &Case) -> u32 {
        (case.vertices() * case.width.div_ceil(16)) as u32
    }

    /// Starts and waits; the kernel's own count of cycles.
    pub fn run(&mut self, max_cycles: u64) -> u32 {
        self.sim.start().unwrap();
        self.sim.run_until_done(max_cycles).unwrap_or_else(|e| panic!("{e}"));
        self.sim.read_register(register::CYCLES).unwrap()
    }

    pub fn error(&mut self) -> (u32, u32, u32) {
        let mut read = |offset| self.sim.read_register(offset).unwrap();
        (read(register::ERROR_CODE), read(register::ERROR_PORT), read(register::ERROR_ADDRESS))
    }

    pub fn counter(&mut self, name: &str) -> u32 {
        let counters = self.config.counters();
        let counter = counters.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no counter {name}"));
        self.sim.read_register(counter.offset).unwrap()
    }

    /// A whole run, compared with the model, the lines before and behind the output too; its cycles.
    pub fn check(&mut self, case: &Case, how: &How) -> u32 {
        let regions = Regions::of(case, how);
        let output = self.give(case, how, &regions)[5];
        let about =
            format!("{} vertices, {} edges, width {}, {how:?}", case.vertices(), case.columns.len(), case.width);
        let slices = case.width.div_ceil(how.slice) as u64;
        let cycles = self.run(20_000 + 4000 * slices * (case.columns.len() + case.vertices()) as u64);
        assert_eq!(self.error(), (register::error::NONE, 0, 0), "{about}");
        let expected = case.expected();
        let mut line = [0; 64];
        for (i, expected) in (0..).zip(expected.chunks(16)) {
            self.sim.read_memory(self.address(output + i), &mut line).unwrap();
            let got: Vec<u32> = line.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            assert_eq!(got, expected, "line {i} of the output, {about}");
        }
        for beyond in [output - 1, output + self.output_lines(case)] {
            self.sim.read_memory(self.address(beyond), &mut line).unwrap();
            assert_eq!(line, [0xa5; 64], "line {beyond} beside the output was written, {about}");
        }
        cycles
    }
}

/// A finite value that is not ±0, from all over the range now and then.
fn value(rng: &mut Rng) -> f32 {
    let bits = match rng.below(32) {
        0 => [1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0xff7f_ffff][rng.below(6)],
        _ => (rng.word() as u32 & 0x807f_ffff) | ((110 + rng.below(30) as u32) << 23),
    };
    f32::from_bits(bits)
}

/// Features of this density, the zeros of both signs.
pub fn features(count: usize, percent: usize, rng: &mut Rng) -> Vec<f32> {
    (0..count).map(|_| if rng.below(100) < percent { value(rng) } else { [0.0, -0.0][rng.below(2)] }).collect()
}

/// A graph whose rows have these numbers of neighbours, drawn with repetition.
pub fn case(degrees: &[usize], width: usize, percent: usize, weighted: bool, rng: &mut Rng) -> Case {
    let vertices = degrees.len();
    let mut pointers = vec![0];
    let mut columns = Vec::new();
    for &degree in degrees {
        columns.extend((0..degree).map(|_| rng.below(vertices) as u32 | (rng.below(3) as u32 / 2) << 31));
        pointers.push(columns.len() as u32);
    }
    let weights = weighted.then(|| columns.iter().map(|_| value(rng)).collect());
    Case { pointers, columns, weights, features: features(vertices * width, percent, rng), width }
}
