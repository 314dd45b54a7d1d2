//! An engine's datapath and its parts under Verilator.

mod bench;
mod decode;
mod output;
mod records;
mod whole;
mod window;

use super::{design, emits_clean, library};
use nearfield_sim::verilate::Library;
use nearfield_tests::cell::Cell;
use std::sync::OnceLock;

/// The small units in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| library("sgcn_datapath_family", &["sgcn_window", "sgcn_decode", "sgcn_output"].map(design)))
}

/// The datapath, which has 16 lanes, in a library of its own.
fn datapath() -> &'static Library {
    static DATAPATH: OnceLock<Library> = OnceLock::new();
    DATAPATH.get_or_init(|| library("sgcn_datapath_alone", &["sgcn_datapath"].map(design)))
}

fn cell(name: &'static str) -> Cell {
    Cell::of(family(), name)
}
