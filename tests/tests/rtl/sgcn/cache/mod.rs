//! The units of `sgcn_aggregate` under Verilator.

mod bank;
mod read_port;
mod whole;
mod write_port;

use nearfield_hdl::emit::{emit, Design};
use nearfield_hdl::prelude::Block;
use nearfield_hdl::sgcn::UNITS;
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::cell::Cell;
use nearfield_tests::lint::assert_clean;
use std::sync::OnceLock;

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in sgcn::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn library(name: &str, designs: &[Design]) -> Library {
    let parts: Vec<(&str, &Design)> = designs.iter().map(|design| (design.top.as_str(), design)).collect();
    let family = bundle(name, &parts).expect("the units can stand side by side");
    build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// All units in one library, built once, but for the cache, which would slow the others down.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let names = UNITS.iter().map(|u| u.name).filter(|name| *name != "sgcn_cache");
        library("sgcn_family", &names.map(design).collect::<Vec<_>>())
    })
}

fn emits_clean(name: &str) {
    let (first, second) = (design(name), design(name));
    assert_eq!(first.top, name);
    assert_eq!(first.artifacts, second.artifacts, "emission is not byte-stable");
    assert_clean(&first);
}

/// Another size of a unit.
fn size<B: Block + Default>(name: &str) -> Design {
    emit(&B::default(), name, name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn cell(name: &'static str) -> Cell {
    Cell::of(family(), name)
}

/// What the line at this line address holds.
fn content(line: u32) -> Vec<u32> {
    (0..16u32).map(|i| (line ^ (i << 28)).wrapping_mul(0x9e37_79b9).rotate_left(i) ^ line).collect()
}

/// A request of an engine.
#[derive(Clone, Copy, Debug)]
struct Request {
    engine: usize,
    noalloc: bool,
    tag: usize,
    line: u32,
}

impl Request {
    fn words(&self) -> Vec<u32> {
        let high = self.engine << 11 | usize::from(self.noalloc) << 10 | self.tag;
        vec![self.line, high as u32]
    }
}

/// Bits of a line's address that choose bank (bits 3 to 0) and set.
fn index(line: u32, hashed: bool) -> u32 {
    match hashed {
        true => line ^ (line >> 9) ^ (line >> 18),
        false => line,
    }
}
