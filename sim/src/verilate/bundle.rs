//! Several designs side by side in one, so that a family of units costs one Verilator build.

use std::collections::BTreeMap;
use std::fmt::Write;

use nearfield_hdl::emit::{Artifact, Design, Port};

use super::BuildError;

/// The port that all parts of a bundle share.
const CLOCK: &str = "clock";

/// A design `name` that instantiates each part under its name. Its ports are `clock`, if a part has one, and
/// `<part>_<port>` for every other port.
///
/// # Errors
///
/// Two parts of one name, two ports that get the same name, or two different modules of one file name.
pub fn bundle(name: &str, parts: &[(&str, &Design)]) -> Result<Design, BuildError> {
    let refuse = |reason: String| BuildError::Bundle { name: name.to_string(), reason };
    let mut modules = BTreeMap::new();
    let mut artifacts = Vec::new();
    let mut ports: Vec<Port> = Vec::new();
    let mut instances = String::new();
    for &(part, design) in parts {
        for artifact in &design.artifacts {
            match modules.insert(artifact.path.as_str(), artifact.text.as_str()) {
                None => artifacts.push(artifact.clone()),
                Some(text) if text == artifact.text => {}
                Some(_) => return Err(refuse(format!("two parts have different modules in `{}`", artifact.path))),
            }
        }
        let mut connections = Vec::new();
        for port in &design.ports {
            let shared = port.name == CLOCK && !port.output;
            let outer = if shared { CLOCK.to_string() } else { format!("{part}_{}", port.name) };
            connections.push(format!("        .{}({outer})", port.name));
            match ports.iter().find(|p| p.name == outer) {
                Some(_) if shared => {}
                Some(_) => return Err(refuse(format!("two ports would be called `{outer}`"))),
                None => ports.push(Port { name: outer, ..port.clone() }),
            }
        }
        let _ = writeln!(instances, "    {} {part} (\n{}\n    );", design.top, connections.join(",\n"));
    }
    let path = format!("{name}.v");
    if modules.contains_key(path.as_str()) {
        return Err(refuse(format!("a part has a module in `{path}` already")));
    }
    let header: Vec<String> = ports
        .iter()
        .map(|p| {
            let range = if p.bits > 1 { format!(" [{}:0]", p.bits - 1) } else { String::new() };
            format!("    {} wire{range} {}", if p.output { "output" } else { "input" }, p.name)
        })
        .collect();
    let text = format!(
        "`default_nettype none\nmodule {name} (\n{}\n);\n{instances}endmodule\n`default_nettype wire\n",
        header.join(",\n")
    );
    artifacts.push(Artifact { path, text });
    Ok(Design { top: name.to_string(), ports, artifacts })
}
