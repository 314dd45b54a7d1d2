//! The Top-K decompressor and its parts under Verilator.

mod decompress;
mod encode;
mod fold;
mod groups;
mod malformed;
mod merge;
mod order;
mod padding;
mod run;
mod value;

use nearfield_hdl::emit::{emit, Design};
use nearfield_hdl::topk::{Decompress1, Decompress2, Decompress8, UNITS};
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::cell::Cell;
use nearfield_tests::lint::assert_clean;
use std::sync::OnceLock;

/// The decompressor with each number of lanes that is not in the list of units.
fn decompressor(lanes: usize) -> Design {
    let name = format!("topk_decompress_l{lanes}");
    match lanes {
        1 => emit(&Decompress1::default(), &name, &name),
        2 => emit(&Decompress2::default(), &name, &name),
        8 => emit(&Decompress8::default(), &name, &name),
        _ => panic!("no decompressor of {lanes} lanes beside the units"),
    }
    .unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in topk::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All units in one library, built once, with the decompressors of one and two lanes.
fn family() -> &'static Library {
    static FAMILY: OnceLock<Library> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let mut designs: Vec<Design> = UNITS.iter().map(|u| design(u.name)).collect();
        designs.extend([1, 2].map(decompressor));
        let parts: Vec<(&str, &Design)> = designs.iter().map(|design| (design.top.as_str(), design)).collect();
        let family = bundle("topk_family", &parts).expect("the units can stand side by side");
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
