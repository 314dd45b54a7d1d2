//! Texts that a person reads when they change.

use crate::{package, target, Text};
use nearfield_abi::kernel::KernelConfig;
use nearfield_bitstreams::{link, xo, Target};

#[test]
fn the_script_of_one_kernel() {
    let config = KernelConfig::smartupdate(2).unwrap();
    insta::assert_snapshot!(xo::script(&config, &target("smartssd").card));
}

#[test]
fn the_link_configurations_of_all_cards() {
    let configurations: Vec<String> =
        Target::all().iter().map(|target| link::configuration(&target.default_kernel().unwrap(), target)).collect();
    insta::assert_snapshot!(configurations.join("\n"));
}

#[test]
fn the_texts_beside_them() {
    let package = package(&KernelConfig::smartupdate(2).unwrap(), "smartssd");
    let texts = ["README.txt", "build.sh", "xrt.ini"].map(|path| format!("--- {path}\n{}", package.text(path)));
    insta::assert_snapshot!(texts.join("\n"));
}
