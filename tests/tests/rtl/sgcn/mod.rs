//! The parts of `sgcn_aggregate`, and the kernel, under Verilator.

mod cache;
mod cycle_model;
mod datapath;
mod engine;

use nearfield_hdl::emit::Design;
use nearfield_hdl::sgcn::UNITS;
use nearfield_sim::verilate::{build, bundle, Library, Options};
use nearfield_tests::lint::assert_clean;

fn design(name: &str) -> Design {
    let unit = UNITS.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} in sgcn::UNITS"));
    (unit.emit)().unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn library(name: &str, designs: &[Design]) -> Library {
    let parts: Vec<(&str, &Design)> = designs.iter().map(|design| (design.top.as_str(), design)).collect();
    let family = bundle(name, &parts).expect("the units can stand side by side");
    build(&family, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn emits_clean(name: &str) {
    let (first, second) = (design(name), design(name));
    assert_eq!(first.top, name);
    assert_eq!(first.artifacts, second.artifacts, "emission is not byte-stable");
    assert_clean(&first);
}
