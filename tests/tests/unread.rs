//! The bits that emitted hardware drives and nothing reads.
//!
//! The back end consumes them by name (`wire unused = &{…}`, `…_unused_…`), so lint cannot tell the intended ones from a
//! forgotten connection. This list can: a new one fails the test, and whoever accepts it (`cargo insta review`, or
//! `INSTA_UPDATE=always`) has looked at it.

use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::{Artifact, Design};
use std::collections::BTreeSet;

fn unread(artifact: &Artifact, kernel: &str, list: &mut BTreeSet<String>) {
    // Modules of the kernels for one optimizer stand once, and beside those of `smartupdate` only where they are others.
    let module = match artifact.path.strip_prefix(kernel) {
        Some(rest) if kernel.starts_with("smartupdate") => format!("smartupdate{rest}"),
        _ => artifact.path.clone(),
    };
    let module = module.trim_end_matches(".v");
    for line in artifact.text.lines().map(str::trim) {
        let bits = match line.strip_prefix("wire unused = &{1'b0, ") {
            Some(rest) => rest.trim_end_matches("};"),
            None if line.starts_with("wire") && line.contains("_unused_") => {
                line.trim_end_matches(';').rsplit(' ').next().unwrap_or(line)
            }
            None => continue,
        };
        list.insert(format!("{module}: {bits}"));
    }
}

#[test]
fn nothing_is_left_unread_by_accident() {
    let mut list = BTreeSet::new();
    for unit in nearfield_hdl::units() {
        let design: Design = (unit.emit)().unwrap();
        let top = format!("{}.v", design.top);
        design.artifacts.iter().filter(|a| a.path == top).for_each(|a| unread(a, "", &mut list));
    }
    for config in KernelConfig::representatives() {
        let design = nearfield_hdl::kernel::emit(config).unwrap();
        design.artifacts.iter().for_each(|a| unread(a, config.kernel.name(), &mut list));
    }
    assert!(!list.is_empty(), "the back end's form of `unused` has changed: adapt this test");
    insta::assert_snapshot!(list.into_iter().collect::<Vec<_>>().join("\n"));
}
