//! The units of `sgcn_aggregate` under Verilator.

mod bank;
mod read_port;
mod whole;
mod write_port;

use super::{design, emits_clean, library};
use nearfield_hdl::emit::{emit, Design};
use nearfield_hdl::prelude::Block;
use nearfield_sim::verilate::Library;
use nearfield_tests::cell::Cell;
use std::sync::OnceLock;

/// The small units in one library, built once; the cache would slow them down.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| library("sgcn_cache_family", &["sgcn_bank", "sgcn_read_port", "sgcn_write_port"].map(design)))
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
        let high = self.engine << 12 | usize::from(self.noalloc) << 11 | self.tag;
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
