//! Units of which a design has many, and each is large: Verilator makes C++ of each once, not once a place.
//!
//! Verilator pastes small modules into their parents, and the expressions at a module's ports into the module; its functions
//! then differ from place to place, and there is one for each. With 256 lanes that is a megabyte of code every cycle, and the
//! processor spends its time waiting for it. A module that is not pasted, and whose inputs stay variables, has the same
//! function everywhere, and Verilator finds that out. The 16 engines of `sgcn_aggregate` run 1.6 times as fast so.

use nearfield_hdl::emit::Design;

/// The units.
const APART: &[&str] = &["sgcn_engine", "sgcn_lane", "sgcn_bank"];

/// What Verilator is told of a design's modules that are kept apart: those of [`APART`], with the kernel's prefix and the
/// number that tells parameters apart. Nothing, if it has none.
pub(super) fn configuration(design: &Design) -> Option<String> {
    let mut lines = String::new();
    for artifact in &design.artifacts {
        let Some(module) = artifact.path.strip_suffix(".v") else { continue };
        let unit = module.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        if !APART.iter().any(|name| unit.ends_with(name)) {
            continue;
        }
        lines += &format!("no_inline -module \"{module}\"\n");
        for input in inputs(&artifact.text) {
            lines += &format!("public_flat_rd -module \"{module}\" -var \"{input}\"\n");
        }
    }
    (!lines.is_empty()).then(|| format!("`verilator_config\n{lines}"))
}

/// Names of the inputs of an emitted module: its head has a port a line.
fn inputs(module: &str) -> impl Iterator<Item = &str> {
    let head = module.lines().take_while(|line| *line != ");");
    head.filter(|line| line.trim_start().starts_with("input "))
        .filter_map(|line| line.trim_end_matches(',').rsplit(' ').next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield_hdl::emit::Artifact;

    #[test]
    fn modules_are_found_by_their_unit_and_keep_their_inputs() {
        let text =
            "// sgcn_bank\nmodule x_sgcn_bank_5 (\n    input  wire         clock,\n    output wire [3:0]   busy,\n    \
                    input  wire [46:0]  s_data\n);\n    wire input = clock;\nendmodule\n";
        let artifact = |path: &str| Artifact { path: path.into(), text: text.into() };
        let design = |paths: &[&str]| Design {
            top: "x".into(),
            ports: Vec::new(),
            artifacts: paths.iter().map(|path| artifact(path)).collect(),
        };
        assert_eq!(configuration(&design(&["x_sgcn_banks.v", "x.v"])), None);
        assert_eq!(
            configuration(&design(&["x.v", "x_sgcn_bank_5.v"])).unwrap(),
            "`verilator_config\nno_inline -module \"x_sgcn_bank_5\"\npublic_flat_rd -module \"x_sgcn_bank_5\" -var \"clock\"\n\
             public_flat_rd -module \"x_sgcn_bank_5\" -var \"s_data\"\n"
        );
    }
}
