//! AXI movers and the control block under Verilator, against memory that answers when it likes.

mod bursts;
mod control;
mod counter;
mod failure;
mod read_mover;
mod slave;
mod write_mover;

use nearfield_hdl::axi::UNITS;
use nearfield_hdl::emit::Design;
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::cell::Cell;
use nearfield_tests::lint::assert_clean;
use std::sync::OnceLock;

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in axi::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All units in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let designs: Vec<(&str, Design)> = UNITS.iter().map(|u| (u.name, design(u.name))).collect();
        let parts: Vec<(&str, &Design)> = designs.iter().map(|(name, design)| (*name, design)).collect();
        let family = bundle("axi_family", &parts).expect("the units can stand side by side");
        build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
    })
}

#[test]
fn emits_clean() {
    for unit in UNITS {
        let (first, second) = (design(unit.name), design(unit.name));
        assert_eq!(first.top, unit.name);
        assert_eq!(first.artifacts, second.artifacts, "{}: emission is not byte-stable", unit.name);
        assert_clean(&first);
    }
}

fn cell(name: &'static str) -> Cell {
    Cell::of(family(), name)
}

/// The bursts that `bytes` bytes from `address` are to be cut into: first byte and beats.
fn cut(address: u64, bytes: u64) -> Vec<(u64, u64)> {
    let (mut at, end) = (address, address + bytes.div_ceil(64) * 64);
    let mut out = Vec::new();
    while at < end {
        let to = end.min((at & !4095) + 4096);
        out.push((at, (to - at) / 64));
        at = to;
    }
    out
}

/// Runs that begin and end everywhere in a page: address and bytes.
fn runs(rng: &mut nearfield_tests::rng::Rng, count: usize) -> Vec<(u64, u64)> {
    let carry = (1u64 << 38) - 4096;
    let mut out = vec![
        (0, 1),
        (4096 - 64, 64),
        (4096 - 64, 65),
        (64, 4096 - 64),
        (64, 4096 - 63),
        (0x1_0000, 4096),
        (0x1_0000, 3 * 4096),
        // The page number carries from its lower half into its upper one.
        (carry, 2 * 4096 + 5),
        (carry + 64, 3 * 4096),
    ];
    for _ in 0..count {
        let bytes = if rng.one_in(4) { 1 + rng.below(200_000) } else { 1 + rng.below(9_000) };
        out.push(((rng.word() >> 4) & !63, bytes as u64));
    }
    out
}
