//! Stream cells under Verilator: nothing lost, doubled or reordered, whatever either side does.

mod checksum;
mod couple;
mod credit;
mod extent;
mod fifo;
mod fork;
mod join;
mod narrow;
mod nonfinite;
mod register;
mod skid;
mod widen;

use nearfield_hdl::emit::Design;
use nearfield_hdl::stream::UNITS;
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::cell::Cell;
use nearfield_tests::lint::assert_clean;
use nearfield_tests::rng::{seed, Rng};
use nearfield_tests::stream::{mask, Pace, Sink, Source};
use std::sync::OnceLock;

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in stream::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All cells in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let designs: Vec<(&str, Design)> = UNITS.iter().map(|u| (u.name, design(u.name))).collect();
        let parts: Vec<(&str, &Design)> = designs.iter().map(|(name, design)| (*name, design)).collect();
        let family = bundle("stream_family", &parts).expect("the units can stand side by side");
        build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
    })
}

fn emits_clean(name: &str) {
    let (first, second) = (design(name), design(name));
    assert_eq!(first.top, name);
    assert_eq!(first.artifacts, second.artifacts, "emission is not byte-stable");
    assert_clean(&first);
}

fn cell(name: &'static str) -> Cell {
    Cell::of(family(), name)
}

/// `n` random words of `width` bits.
fn words(n: usize, width: u32, rng: &mut Rng) -> Vec<Vec<u32>> {
    let word = |rng: &mut Rng| (0..width.div_ceil(32)).map(|i| rng.word() as u32 & mask(width, i)).collect();
    (0..n).map(|_| word(rng)).collect()
}

/// Sends words through a cell with one input and one output; gives what came, and the cycles it took.
fn pass(
    cell: &mut Cell,
    sent: &[Vec<u32>],
    expected: usize,
    paces: [Pace; 2],
    rng: &mut Rng,
) -> (Vec<Vec<u32>>, usize) {
    let mut source = Source::new(cell.wires("s"), sent.iter().cloned(), paces[0]);
    let mut sink = Sink::new(cell.wires("m"), paces[1]);
    let mut cycles = 0;
    while sink.taken.len() < expected {
        step(cell, &mut source, &mut sink, rng);
        cycles += 1;
        let bound = 100 + 60 * (sent.len() + expected);
        assert!(cycles < bound, "{}: {} of {expected} words after {cycles} cycles", cell.name, sink.taken.len());
    }
    assert!(source.is_done(), "{}: everything came before everything was sent", cell.name);
    // Nothing more may come.
    for _ in 0..20 {
        step(cell, &mut source, &mut sink, rng);
    }
    (sink.taken, cycles)
}

fn step(cell: &mut Cell, source: &mut Source, sink: &mut Sink, rng: &mut Rng) {
    source.drive(&mut cell.instance, rng);
    sink.drive(&mut cell.instance, rng);
    cell.settle();
    source.sample(&cell.instance);
    sink.sample(&mut cell.instance);
    cell.tick();
}

/// Idle × back-pressure × size, then 64 random frames; `reference` says what is to come out.
fn survives(name: &'static str, widths: u32, unit: usize, reference: impl Fn(&[Vec<u32>]) -> Vec<Vec<u32>>) {
    let mut rng = Rng::new(seed(name, 0x7374_7265));
    let mut cell = cell(name);
    let mut checked = 0;
    let mut one = |n: usize, paces: [Pace; 2], rng: &mut Rng| {
        let sent = words(n * unit, widths, rng);
        let expected = reference(&sent);
        let (got, _) = pass(&mut cell, &sent, expected.len(), paces, rng);
        assert_eq!(got, expected, "{name} with {paces:?}, {n} words");
        checked += got.len();
    };
    for idle in Pace::ALL {
        for back_pressure in Pace::ALL {
            for n in [1, 2, 3, 17, 200] {
                one(n, [idle, back_pressure], &mut rng);
            }
        }
    }
    for _ in 0..64 {
        let paces = [Pace::ALL[rng.below(3)], Pace::ALL[rng.below(3)]];
        one(1 + rng.below(64), paces, &mut rng);
    }
    println!("{name}: {checked} words");
}

/// Cycles for a long run with both sides always willing.
fn full_speed(name: &'static str, width: u32, n: usize, expected: usize) -> usize {
    let mut rng = Rng::new(1);
    let mut cell = cell(name);
    let sent = words(n, width, &mut rng);
    pass(&mut cell, &sent, expected, [Pace::ALL[0]; 2], &mut rng).1
}

/// What is inside is forgotten.
fn resets(name: &'static str) {
    let mut rng = Rng::new(2);
    let mut cell = cell(name);
    let mut source = Source::new(cell.wires("s"), words(5, 32, &mut rng), Pace::ALL[0]);
    for _ in 0..8 {
        source.drive(&mut cell.instance, &mut rng);
        cell.set("m_ready", 0);
        cell.settle();
        source.sample(&cell.instance);
        cell.tick();
    }
    assert_eq!(cell.get("m_valid"), 1);
    cell.set("s_valid", 0);
    cell.set("reset", 1);
    cell.tick();
    cell.set("reset", 0);
    cell.set("m_ready", 1);
    for _ in 0..8 {
        cell.settle();
        assert_eq!(cell.get("m_valid"), 0, "{name} kept a word over a reset");
        cell.tick();
    }
}
