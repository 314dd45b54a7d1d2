//! A module as text.

use super::flow::{self, Piece, Plan};
use super::symbol::{hex, Kind, SymbolId, Symbols};
use super::text::literal;
use super::tree::{Body, Node};
use super::unroll::{Label, Statement};
use super::{instance, unroll, EmitError, Port, Printed};
use num_bigint::BigUint;
use num_traits::One;

/// Prints a module: its ports, and its text from the port list on.
pub(super) fn module(node: &Node, printed: &[Option<Printed>], unit: &str) -> Result<(Vec<Port>, String), EmitError> {
    let mut symbols = Symbols::new(node, unit)?;
    let ports: Vec<(SymbolId, Port)> = symbols
        .list
        .iter()
        .enumerate()
        .filter(|(_, s)| matches!(s.kind, Kind::Input | Kind::Output))
        .map(|(i, s)| (i, Port { name: s.name.clone(), bits: s.bits, output: s.kind == Kind::Output }))
        .collect();
    let (procedural, text) = match &node.body {
        Body::Text(text) => (Default::default(), text.lines().map(|l| format!("    {l}\n")).collect()),
        Body::Logic(block) => {
            let statements = unroll::unroll(block, &symbols, unit)?;
            let plan = flow::plan(&statements, &symbols, unit)?;
            plan.aliases.iter().for_each(|(from, to)| symbols.list[*from].name = symbols.list[*to].name.clone());
            let text = logic(node, printed, &symbols, &plan, unit)?;
            (plan.procedural, text)
        }
        Body::Inline(_) | Body::Register(_) => {
            return Err(EmitError::new(
                unit,
                &node.field,
                "a leaf cell has no module of its own: emit a block that uses it",
            ));
        }
    };
    let width = ports.iter().map(|(_, p)| range(p.bits).len()).max().unwrap_or(0);
    let gap = if width == 0 { 0 } else { width + 1 };
    let list: Vec<String> = ports
        .iter()
        .map(|(id, p)| {
            let kind = match (p.output, procedural.contains(id)) {
                (false, _) => "input  wire",
                (true, false) => "output wire",
                (true, true) => "output reg ",
            };
            format!("    {kind} {:gap$}{}", range(p.bits), p.name)
        })
        .collect();
    let text = format!("(\n{}\n);\n{text}", list.join(",\n"));
    Ok((ports.into_iter().map(|p| p.1).collect(), text))
}

fn range(bits: usize) -> String {
    if bits == 1 {
        String::new()
    } else {
        format!("[{}:0]", bits - 1)
    }
}

fn declare(kind: &str, bits: usize, name: &str) -> String {
    let range = range(bits);
    let gap = if range.is_empty() { "" } else { " " };
    format!("    {kind}{gap}{range} {name}")
}

fn logic(
    node: &Node,
    printed: &[Option<Printed>],
    symbols: &Symbols,
    plan: &Plan,
    unit: &str,
) -> Result<String, EmitError> {
    let instances = instance::print(node, printed, symbols, plan, unit)?;
    let mut out = String::new();
    for (name, bits, value) in &symbols.parameters {
        out.push_str(&declare("localparam", *bits, name));
        out.push_str(&format!(" = {bits}'d{value};\n"));
    }
    for symbol in &symbols.list {
        if let Kind::Register(child) = symbol.kind {
            if let Body::Register(init) = &node.children[child].body {
                out.push_str(&declare("reg", symbol.bits, &symbol.name));
                out.push_str(&format!(" = {};\n", literal(&hex(init), symbol.bits)));
            }
        }
    }
    for (id, symbol) in symbols.list.iter().enumerate() {
        let wanted = match symbol.kind {
            Kind::Local => plan.driven.contains(&id),
            Kind::RegisterNext(_) => plan.split.contains(&id),
            _ => false,
        };
        if wanted {
            let kind = if plan.procedural.contains(&id) { "reg" } else { "wire" };
            out.push_str(&format!("{};\n", declare(kind, symbol.bits, &symbol.name)));
        }
    }
    for (id, name) in &instances.wires {
        let kind = if plan.procedural.contains(id) { "reg" } else { "wire" };
        out.push_str(&format!("{};\n", declare(kind, symbols.list[*id].bits, name)));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&instances.text);
    if !instances.text.is_empty() {
        out.push('\n');
    }
    for piece in &plan.pieces {
        match piece {
            Piece::Wire { comment, target, low, bits, value } => {
                comment.iter().for_each(|c| out.push_str(&format!("    // {c}\n")));
                let name = target_text(symbols, *target, *low, *bits);
                out.push_str(&format!("    assign {name} = {};\n", value.text(symbols)));
            }
            Piece::Process(block) => {
                out.push_str("    always @(*) begin\n");
                statements(block, symbols, "=", 2, &mut out);
                out.push_str("    end\n");
            }
        }
    }
    for (clock, block) in &plan.clocked {
        out.push_str(&format!("\n    always @(posedge {}) begin\n", symbols.list[*clock].name));
        statements(block, symbols, "<=", 2, &mut out);
        out.push_str("    end\n");
    }
    let unused = unused(symbols, plan);
    if !unused.is_empty() {
        let name = symbols.free_name("unused");
        out.push_str(&format!("\n    // Read by nothing.\n    wire {name} = &{{1'b0, {}}};\n", unused.join(", ")));
    }
    Ok(out)
}

fn target_text(symbols: &Symbols, id: SymbolId, low: usize, bits: usize) -> String {
    let symbol = &symbols.list[id];
    let name = match symbol.kind {
        Kind::RegisterNext(child) => {
            let of = |k: &Kind| *k == Kind::Register(child);
            symbols.list.iter().find(|s| of(&s.kind)).map_or(symbol.name.clone(), |s| s.name.clone())
        }
        _ => symbol.name.clone(),
    };
    part_text(&name, symbol.bits, low, bits)
}

fn part_text(name: &str, whole: usize, low: usize, bits: usize) -> String {
    match bits {
        b if b == whole => name.to_string(),
        1 => format!("{name}[{low}]"),
        b => format!("{name}[{}:{low}]", low + b - 1),
    }
}

fn statements(block: &[Statement], symbols: &Symbols, assign: &str, depth: usize, out: &mut String) {
    let pad = "    ".repeat(depth);
    for statement in block {
        match statement {
            Statement::Comment(text) => out.push_str(&format!("{pad}// {text}\n")),
            Statement::Assign { target, low, bits, value, .. } => {
                let name = if assign == "<=" {
                    target_text(symbols, *target, *low, *bits)
                } else {
                    let symbol = &symbols.list[*target];
                    part_text(&symbol.name, symbol.bits, *low, *bits)
                };
                out.push_str(&format!("{pad}{name} {assign} {};\n", value.text(symbols)));
            }
            Statement::If { .. } => {
                out.push_str(&pad);
                conditional(statement, symbols, assign, depth, out);
            }
            Statement::Case { selector, arms, .. } => {
                out.push_str(&format!("{pad}case ({})\n", selector.text(symbols)));
                let mut rest = false;
                for (label, block) in arms {
                    let (label, comment) = match label {
                        Label::Value(e) => (e.text(symbols), String::new()),
                        Label::Rest(name) => {
                            rest = true;
                            let name = name.as_ref().map(|n| format!(" // {}", n.replace('$', "::")));
                            ("default".to_string(), name.unwrap_or_default())
                        }
                    };
                    if block.is_empty() {
                        out.push_str(&format!("{pad}    {label}: ;{comment}\n"));
                        continue;
                    }
                    out.push_str(&format!("{pad}    {label}: begin{comment}\n"));
                    statements(block, symbols, assign, depth + 2, out);
                    out.push_str(&format!("{pad}    end\n"));
                }
                if !rest {
                    out.push_str(&format!("{pad}    default: ;\n"));
                }
                out.push_str(&format!("{pad}endcase\n"));
            }
        }
    }
}

fn conditional(statement: &Statement, symbols: &Symbols, assign: &str, depth: usize, out: &mut String) {
    let Statement::If { test, then, otherwise, .. } = statement else { return };
    let pad = "    ".repeat(depth);
    if then.is_empty() {
        out.push_str(&format!("if (!({})) begin\n", test.text(symbols)));
        statements(otherwise, symbols, assign, depth + 1, out);
        out.push_str(&format!("{pad}end\n"));
        return;
    }
    out.push_str(&format!("if ({}) begin\n", test.text(symbols)));
    statements(then, symbols, assign, depth + 1, out);
    match otherwise.as_slice() {
        [] => out.push_str(&format!("{pad}end\n")),
        [inner @ Statement::If { .. }] => {
            out.push_str(&format!("{pad}end else "));
            conditional(inner, symbols, assign, depth, out);
        }
        block => {
            out.push_str(&format!("{pad}end else begin\n"));
            statements(block, symbols, assign, depth + 1, out);
            out.push_str(&format!("{pad}end\n"));
        }
    }
}

/// Bits that are driven and read by nothing. The text consumes them by name, so that lint stays clean and a reader sees
/// them; `tests/tests/unread.rs` pins the list, so that none appears by accident.
fn unused(symbols: &Symbols, plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    for (id, symbol) in symbols.list.iter().enumerate() {
        let read = plan.read.get(&id).cloned().unwrap_or_default();
        let relevant = match symbol.kind {
            Kind::Input | Kind::Register(_) => true,
            Kind::Local => plan.driven.contains(&id),
            Kind::ChildOutput(_) => read != BigUint::default() && !plan.aliases.contains_key(&id),
            _ => false,
        };
        let clock = plan.clocked.iter().any(|(c, _)| *c == id);
        if !relevant || clock {
            continue;
        }
        let free = |bit: usize| (&read >> bit) & BigUint::one() == BigUint::default();
        let mut bit = 0;
        while bit < symbol.bits {
            let start = bit;
            while bit < symbol.bits && free(bit) {
                bit += 1;
            }
            if bit > start {
                out.push(part_text(&symbol.name, symbol.bits, start, bit - start));
            }
            bit += 1;
        }
    }
    out
}
