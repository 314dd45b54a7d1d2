//! Packaging, with stand-ins for the vendor's tools: what the scripts tell them, and what the program does with and without
//! them.

mod program;
mod script;
mod snapshot;

use nearfield_abi::kernel::KernelConfig;
use nearfield_bitstreams::{Package, Target};

fn target(board: &str) -> Target {
    Target::from_name(board).unwrap()
}

fn package(config: &KernelConfig, board: &str) -> Package {
    Package::from_name(&config.name(), &target(board)).unwrap()
}

impl Text for Package {
    fn text(&self, path: &str) -> &str {
        &self.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}")).text
    }
}

/// Access to a package's files by path.
trait Text {
    fn text(&self, path: &str) -> &str;
}
