//! The Verilog in a package for a card, as someone who has only the folder reads it: through its `.f` list.

use nearfield_bitstreams::{Package, Target};
use nearfield_tests::lint;
use std::collections::BTreeMap;

#[test]
fn the_lists_of_packages_lint() {
    // The Verilog does not depend on the card: one of those that share a default kernel is enough.
    let by_kernel: BTreeMap<_, _> =
        Target::all().into_iter().map(|target| (target.default_kernel().unwrap(), target)).collect();
    for (config, target) in by_kernel {
        let package = Package::from_name(&config.name(), &target).unwrap();
        let root = tempfile::tempdir().unwrap();
        let folder = package.write(root.path()).unwrap();
        let list = format!("{}.f", package.name);
        if let Err(said) = lint::verilator(&folder, config.kernel.name(), &["-F", &list]) {
            panic!("{} for {}: {said}", package.name, package.board);
        }
    }
}
