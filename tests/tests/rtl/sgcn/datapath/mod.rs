//! The parts of `sgcn_aggregate` under Verilator.

mod bench;
mod decode;
mod output;
mod records;
mod whole;
mod window;

use nearfield_hdl::emit::Design;
use nearfield_hdl::sgcn::UNITS;
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::cell::Cell;
use nearfield_tests::lint::assert_clean;
use std::sync::OnceLock;

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in sgcn::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn library(family: &str, names: &[&str]) -> Library {
    let designs: Vec<Design> = names.iter().map(|name| design(name)).collect();
    let parts: Vec<(&str, &Design)> = designs.iter().map(|design| (design.top.as_str(), design)).collect();
    let family = bundle(family, &parts).expect("the units can stand side by side");
    build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// The small units in one library, built once.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| library("sgcn_family", &["sgcn_window", "sgcn_decode", "sgcn_output"]))
}

/// The datapath, which has 16 lanes, in a library of its own.
fn datapath() -> &'static Library {
    static DATAPATH: OnceLock<Library> = OnceLock::new();
    DATAPATH.get_or_init(|| library("sgcn_datapath_alone", &["sgcn_datapath"]))
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
