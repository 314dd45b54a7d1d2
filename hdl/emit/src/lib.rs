//! The Verilog back end over rust-hdl's AST.
//!
//! rust-hdl is a good way to describe hardware; its own generator prints Verilog whose meaning differs from its own
//! simulation. This back end gives each expression the width that rust-hdl's simulation gives it and prints text that
//! means the same in Verilog; what it cannot print faithfully it refuses. The passes, in order:
//!
//! | file | from | to |
//! |---|---|---|
//! | `tree` | a block, by `Block::accept` | modules, atoms, statements of the AST |
//! | `symbol` | a module's atoms and its children's ports | a table of names, widths and kinds |
//! | `unroll` | AST statements | plain statements: loops unrolled, links resolved, constants folded |
//! | `typing`, `selection` | AST expressions | `expr`: every node with its width |
//! | `facts`, `sequence` | plain statements | who reads and writes what where; latches refused |
//! | `flow` | plain statements | wires, combinational processes, clocked processes |
//! | `instance` | children | port maps, inlined leaf cells |
//! | `print`, `text` | all of that | text |

mod expr;
mod facts;
mod flow;
mod instance;
mod print;
mod selection;
mod sequence;
mod symbol;
mod text;
mod tree;
mod typing;
mod unroll;

use rust_hdl_core::prelude::Block;
use std::collections::HashMap;
use std::collections::HashSet;

/// A file of generated text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Path relative to the output folder.
    pub path: String,
    /// Content.
    pub text: String,
}

/// A port of an emitted module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name in Verilog.
    pub name: String,
    /// Width in bits.
    pub bits: usize,
    /// Whether the module drives it.
    pub output: bool,
}

/// An emitted design: one file a module, children before parents, the top last.
#[derive(Clone, Debug)]
pub struct Design {
    /// Name of the top module.
    pub top: String,
    /// The top's ports in the order of declaration.
    pub ports: Vec<Port>,
    /// One artifact `<module>.v` a distinct module, children first.
    pub artifacts: Vec<Artifact>,
}

/// Why a block cannot be printed faithfully: the unit, the field or target, the expression, and what to do.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{unit}: {place}: {what}")]
pub struct EmitError {
    /// Path of fields from the top to the unit.
    pub unit: String,
    /// The field or assignment.
    pub place: String,
    /// The construct and the advice.
    pub what: String,
}

impl EmitError {
    /// An error that belongs to no field.
    pub fn new(unit: impl Into<String>, place: impl Into<String>, what: impl Into<String>) -> EmitError {
        EmitError { unit: unit.into(), place: place.into(), what: what.into() }
    }
}

/// Prints `block` and everything below it.
///
/// The top module is called `name`; every other module gets `prefix` and an underscore before its name (nothing, if
/// `prefix` is empty), so that two kernels link into one design. Emit before simulating `block`, or from a fresh one.
///
/// # Errors
///
/// A construct that cannot be printed with the meaning it has in rust-hdl's simulation; the message says what to write
/// instead.
pub fn emit(block: &dyn Block, name: &str, prefix: &str) -> Result<Design, EmitError> {
    let root = tree::collect(block, name)?;
    let mut library = Library { prefix: prefix.into(), top: name.into(), ..Library::default() };
    let top = library.module(&root, name, true)?;
    Ok(Design {
        top: top.name,
        ports: top.ports,
        artifacts: library.texts.into_iter().map(|(name, text)| Artifact { path: format!("{name}.v"), text }).collect(),
    })
}

/// A module that has been printed.
#[derive(Clone)]
struct Printed {
    name: String,
    ports: Vec<Port>,
}

/// The distinct modules printed so far.
#[derive(Default)]
struct Library {
    prefix: String,
    top: String,
    /// By what decides the text: a design has many instances of a module, and working the text out is most of the work.
    told: HashMap<String, Printed>,
    /// By name and text.
    known: HashMap<(String, String), Printed>,
    names: HashSet<String>,
    texts: Vec<(String, String)>,
}

impl Library {
    /// Prints a module and its children, or finds that an equal one was printed.
    fn module(&mut self, node: &tree::Node, path: &str, top: bool) -> Result<Printed, EmitError> {
        let mut children = Vec::new();
        for child in &node.children {
            children.push(match child.leaf() {
                Some(_) => None,
                None => Some(self.module(child, &format!("{path}.{}", child.field), false)?),
            });
        }
        let stem = if top { self.top.clone() } else { node.stem() };
        let told = told(node, &stem, &children);
        if let Some(known) = self.told.get(&told) {
            return Ok(known.clone());
        }
        let printed = self.distinct(node, stem, &children, path, top)?;
        self.told.insert(told, printed.clone());
        Ok(printed)
    }

    /// Prints a module, or finds that one of the same text was printed.
    fn distinct(
        &mut self,
        node: &tree::Node,
        stem: String,
        children: &[Option<Printed>],
        path: &str,
        top: bool,
    ) -> Result<Printed, EmitError> {
        let (ports, body) = print::module(node, children, path)?;
        if let Some(known) = self.known.get(&(stem.clone(), body.clone())) {
            return Ok(known.clone());
        }
        let base = match (top, self.prefix.is_empty()) {
            (true, _) => stem.clone(),
            (false, true) => stem.clone(),
            (false, false) => format!("{}_{stem}", self.prefix),
        };
        let mut name = base.clone();
        let mut count = 1;
        while (!top && name == self.top) || !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        let source = node.source.as_ref().map(|s| format!("// {s}\n")).unwrap_or_default();
        let text = format!("{source}`default_nettype none\nmodule {name} {body}endmodule\n`default_nettype wire\n");
        self.texts.push((name.clone(), text));
        let printed = Printed { name, ports };
        self.known.insert((stem, body), printed.clone());
        Ok(printed)
    }
}

/// All that a module's text is made from: its own atoms, constants and statements, its children's names and atoms.
fn told(node: &tree::Node, stem: &str, children: &[Option<Printed>]) -> String {
    let mut told = format!("{stem} {:?} {:?} {:?} {:?}", node.source, node.constants, node.atoms, node.body);
    for (child, printed) in node.children.iter().zip(children) {
        match printed {
            Some(printed) => told += &format!(" {} {} {:?}", child.field, printed.name, child.atoms),
            None => told += &format!(" {child:?}"),
        }
    }
    told
}
