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
use nearfield_sim::verilate::{build, bundle, Instance, Library, Options, PortId};
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

/// A part in an instance of its own, after reset if it has one.
struct Cell {
    name: &'static str,
    instance: Instance,
    clock: PortId,
}

impl Cell {
    fn new(name: &'static str) -> Cell {
        let instance = family().instance();
        let clock = instance.port("clock").expect("the family has a clock");
        let mut cell = Cell { name, instance, clock };
        if name != "topk_value" {
            cell.set("reset", 1);
            cell.tick();
            cell.set("reset", 0);
        }
        cell
    }

    fn port(&self, port: &str) -> PortId {
        self.instance.port(&format!("{}_{port}", self.name)).unwrap_or_else(|e| panic!("{e}"))
    }

    fn set(&mut self, port: &str, value: u64) {
        let port = self.port(port);
        self.instance.set(port, value);
    }

    fn get(&self, port: &str) -> u64 {
        self.instance.get(self.port(port))
    }

    fn settle(&mut self) {
        self.instance.set(self.clock, 0);
        self.instance.eval();
    }

    fn tick(&mut self) {
        self.instance.tick(self.clock);
    }
}
