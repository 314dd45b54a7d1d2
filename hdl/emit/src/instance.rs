//! Children in the text of their parent: port maps, and leaf cells pasted in.

use super::flow::Plan;
use super::symbol::{Kind, SymbolId, Symbols};
use super::tree::{Body, Node};
use super::{EmitError, Printed};
use num_traits::Zero;
use std::collections::BTreeSet;

/// The children's text and the wires it needs.
#[derive(Default)]
pub(super) struct Instances {
    pub text: String,
    /// Child ports that need a declaration, with the name to declare.
    pub wires: Vec<(SymbolId, String)>,
}

/// Prints the children of a module.
pub(super) fn print(
    node: &Node,
    printed: &[Option<Printed>],
    symbols: &Symbols,
    plan: &Plan,
    unit: &str,
) -> Result<Instances, EmitError> {
    let mut out = Instances::default();
    let used: BTreeSet<&str> = symbols.list.iter().map(|s| s.name.as_str()).collect();
    for (index, child) in node.children.iter().enumerate() {
        let ports: Vec<SymbolId> = (0..symbols.list.len())
            .filter(|&i| {
                symbols.list[i].kind == Kind::ChildInput(index) || symbols.list[i].kind == Kind::ChildOutput(index)
            })
            .collect();
        let mut nets = Vec::new();
        for id in ports {
            let symbol = &symbols.list[id];
            let net = match (&symbol.kind, plan.connections.get(&id), plan.aliases.get(&id)) {
                (Kind::ChildInput(_), Some(value), _) => value.text(symbols),
                (Kind::ChildOutput(_), _, Some(_)) => symbol.name.clone(),
                (Kind::ChildOutput(_), _, None) if plan.read.get(&id).is_none_or(Zero::is_zero) => {
                    let name = symbols.free_name(&format!("{}_unused_{}", child.field.replace('$', "_"), symbol.port));
                    out.wires.push((id, name.clone()));
                    name
                }
                _ => {
                    out.wires.push((id, symbol.name.clone()));
                    symbol.name.clone()
                }
            };
            nets.push((port_key(&symbol.key, &child.field), symbol.port.clone(), net));
        }
        if !matches!(child.body, Body::Register(_)) && !out.text.is_empty() {
            out.text.push('\n');
        }
        match &child.body {
            Body::Register(_) => {}
            Body::Inline(template) => {
                let field = child.field.replace('$', "_");
                out.text.push_str(&paste(template, &field, &nets, unit)?);
            }
            _ => {
                let module = printed[index].as_ref().map(|p| p.name.as_str()).unwrap_or_default();
                let mut name = format!("u_{}", child.field.replace('$', "_"));
                while used.contains(name.as_str()) {
                    name.push('_');
                }
                let map: Vec<String> = nets.iter().map(|(_, port, net)| format!("        .{port}({net})")).collect();
                out.text.push_str(&format!("    {module} {name} (\n{}\n    );\n", map.join(",\n")));
            }
        }
    }
    Ok(out)
}

/// `child$0$x$3` without `child$0$`, as the child itself names it: `x[3]`.
fn port_key(key: &str, field: &str) -> String {
    let inner = key.strip_prefix(field).and_then(|k| k.strip_prefix('$')).unwrap_or(key);
    match inner.rsplit_once('$') {
        Some((name, index)) if index.bytes().all(|b| b.is_ascii_digit()) => format!("{name}[{index}]"),
        _ => inner.replace('$', "."),
    }
}

/// Fills the holes of a leaf cell's template.
fn paste(template: &str, field: &str, nets: &[(String, String, String)], unit: &str) -> Result<String, EmitError> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("$(") {
        let end = rest[start..].find(')').map(|i| start + i);
        let end = end.ok_or_else(|| EmitError::new(unit, field, "its template has a hole that is not closed"))?;
        let hole = &rest[start + 2..end];
        out.push_str(&rest[..start]);
        if hole == "self" {
            out.push_str(field);
        } else {
            let net = nets.iter().find(|n| n.0 == hole).map(|n| &n.2);
            out.push_str(net.ok_or_else(|| {
                EmitError::new(unit, field, format!("its template names `{hole}`, which is no port of it"))
            })?);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out.lines().map(|l| format!("    {l}\n")).collect())
}
