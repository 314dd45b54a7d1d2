//! The names a module's statements can use.

use super::tree::{Body, Node};
use super::EmitError;
use num_bigint::BigUint;
use rust_hdl_core::prelude::{AtomKind, TypeDescriptor, TypeKind};
use std::collections::HashMap;

/// Index into [`Symbols::list`].
pub(super) type SymbolId = usize;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Output,
    Local,
    /// The value is written where the name is read.
    Constant(BigUint),
    /// An input of the child of this index.
    ChildInput(usize),
    /// An output of the child of this index.
    ChildOutput(usize),
    /// `d` of the register that is the child of this index.
    RegisterNext(usize),
    /// `q` of the register that is the child of this index.
    Register(usize),
    /// `clock` of the register that is the child of this index.
    RegisterClock(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Symbol {
    /// Name in the AST: `child$port`, `x$3`.
    pub key: String,
    /// Name in Verilog.
    pub name: String,
    pub bits: usize,
    pub signed: bool,
    pub kind: Kind,
    /// Port name within the child, for children's ports.
    pub port: String,
}

/// The names of one module.
pub(super) struct Symbols {
    pub list: Vec<Symbol>,
    by_key: HashMap<String, SymbolId>,
    /// `State$Run` to value and width.
    variants: HashMap<String, (u64, usize)>,
    /// Label as written in the enum, for localparams: name, bits, value.
    pub parameters: Vec<(String, usize, u64)>,
    pub constants: HashMap<String, i128>,
    unit: String,
}

impl Symbols {
    pub fn new(node: &Node, unit: &str) -> Result<Symbols, EmitError> {
        let mut table = Symbols {
            list: Vec::new(),
            by_key: HashMap::new(),
            variants: HashMap::new(),
            parameters: Vec::new(),
            constants: node.constants.iter().cloned().collect(),
            unit: unit.to_string(),
        };
        let mut enums: HashMap<String, Vec<String>> = HashMap::new();
        for atom in &node.atoms {
            table.enumerate(&atom.descriptor, &mut enums)?;
            let kind = match atom.kind {
                AtomKind::InputParameter => Kind::Input,
                AtomKind::OutputParameter => Kind::Output,
                AtomKind::Constant => Kind::Constant(hex(&atom.value)),
                _ => Kind::Local,
            };
            table.add(&atom.key, atom.key.clone(), atom.bits, &atom.descriptor, kind, String::new());
        }
        for (index, child) in node.children.iter().enumerate() {
            for atom in &child.atoms {
                table.enumerate(&atom.descriptor, &mut enums)?;
                let register = matches!(child.body, Body::Register(_));
                let kind = match (register, atom.key.as_str(), atom.kind) {
                    (true, "d", _) => Kind::RegisterNext(index),
                    (true, "q", _) => Kind::Register(index),
                    (true, _, _) => Kind::RegisterClock(index),
                    (false, _, AtomKind::InputParameter) => Kind::ChildInput(index),
                    (false, _, AtomKind::OutputParameter) => Kind::ChildOutput(index),
                    _ => continue,
                };
                let name = match kind {
                    Kind::Register(_) => child.field.clone(),
                    Kind::RegisterNext(_) => format!("{}_d", child.field),
                    _ => format!("{}_{}", child.field, atom.key),
                };
                let key = format!("{}${}", child.field, atom.key);
                table.add(&key, name, atom.bits, &atom.descriptor, kind, atom.key.clone());
            }
        }
        table.name_apart()?;
        Ok(table)
    }

    fn add(&mut self, key: &str, name: String, bits: usize, descriptor: &TypeDescriptor, kind: Kind, port: String) {
        let symbol = Symbol {
            key: key.to_string(),
            name: name.replace('$', "_"),
            bits,
            signed: matches!(descriptor.kind, TypeKind::Signed(_)),
            kind,
            port: port.replace('$', "_"),
        };
        self.by_key.insert(key.to_string(), self.list.len());
        self.list.push(symbol);
    }

    fn enumerate(
        &mut self,
        descriptor: &TypeDescriptor,
        enums: &mut HashMap<String, Vec<String>>,
    ) -> Result<(), EmitError> {
        match &descriptor.kind {
            TypeKind::Enum(labels) => {
                if let Some(known) = enums.get(&descriptor.name) {
                    return if known == labels {
                        Ok(())
                    } else {
                        Err(EmitError::new(
                            &self.unit,
                            &descriptor.name,
                            "two enums of one name meet in this unit: rename one",
                        ))
                    };
                }
                let bits = (usize::BITS - (labels.len() - 1).leading_zeros()) as usize;
                for (value, label) in labels.iter().enumerate() {
                    let key = label.replace("::", "$");
                    self.variants.insert(key.clone(), (value as u64, bits));
                    self.parameters.push((shout(&key), bits, value as u64));
                }
                enums.insert(descriptor.name.clone(), labels.clone());
                Ok(())
            }
            TypeKind::Composite(fields) => fields.iter().try_for_each(|f| self.enumerate(&f.kind, enums)),
            _ => Ok(()),
        }
    }

    /// Makes Verilog names distinct and no keywords; ports keep theirs, or the unit is refused.
    fn name_apart(&mut self) -> Result<(), EmitError> {
        let mut taken: HashMap<String, SymbolId> = HashMap::new();
        let order: Vec<SymbolId> = {
            let is_port = |k: &Kind| matches!(k, Kind::Input | Kind::Output);
            let rank = |s: &Symbol| match s.kind {
                ref k if is_port(k) => 0,
                Kind::Register(_) | Kind::Local => 1,
                _ => 2,
            };
            let mut order: Vec<SymbolId> = (0..self.list.len()).collect();
            order.sort_by_key(|&i| rank(&self.list[i]));
            order
        };
        for id in order {
            let symbol = &self.list[id];
            if matches!(symbol.kind, Kind::Constant(_)) {
                continue;
            }
            let port = matches!(symbol.kind, Kind::Input | Kind::Output);
            let mut name = symbol.name.clone();
            while taken.contains_key(&name) || KEYWORDS.contains(&name.as_str()) {
                if port {
                    let what = format!("a port cannot be called `{name}` in Verilog, or two ports would: rename it");
                    return Err(EmitError::new(&self.unit, &symbol.key, what));
                }
                name.push('_');
            }
            taken.insert(name.clone(), id);
            self.list[id].name = name;
        }
        Ok(())
    }

    pub fn find(&self, key: &str) -> Option<SymbolId> {
        self.by_key.get(key).copied()
    }

    pub fn variant(&self, key: &str) -> Option<(String, u64, usize)> {
        self.variants.get(key).map(|&(value, bits)| (shout(key), value, bits))
    }

    /// A name that no symbol has.
    pub fn free_name(&self, wish: &str) -> String {
        let mut name = wish.to_string();
        while self.list.iter().any(|s| s.name == name) || self.parameters.iter().any(|p| p.0 == name) {
            name.push('_');
        }
        name
    }
}

/// `State$RunNow` becomes `STATE_RUN_NOW`.
fn shout(key: &str) -> String {
    let mut out = String::new();
    let mut previous = '_';
    for c in key.replace('$', "_").chars() {
        if c.is_uppercase() && previous.is_lowercase() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
        previous = c;
    }
    out
}

/// Reads the digits of `<bits>'h<digits>`.
pub(super) fn hex(text: &str) -> BigUint {
    let digits = text.rsplit('h').next().unwrap_or("0");
    BigUint::parse_bytes(digits.as_bytes(), 16).unwrap_or_default()
}

/// The reserved words of SystemVerilog (IEEE 1800-2017, annex B), which includes Verilog's: tools read `.v` as either.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "accept_on", "alias", "always", "always_comb", "always_ff", "always_latch", "and", "assert", "assign", "assume",
    "automatic", "before", "begin", "bind", "bins", "binsof", "bit", "break", "buf", "bufif0", "bufif1", "byte", "case",
    "casex", "casez", "cell", "chandle", "checker", "class", "clocking", "cmos", "config", "const", "constraint",
    "context", "continue", "cover", "covergroup", "coverpoint", "cross", "deassign", "default", "defparam", "design",
    "disable", "dist", "do", "edge", "else", "end", "endcase", "endchecker", "endclass", "endclocking", "endconfig",
    "endfunction", "endgenerate", "endgroup", "endinterface", "endmodule", "endpackage", "endprimitive", "endprogram",
    "endproperty", "endsequence", "endspecify", "endtable", "endtask", "enum", "event", "eventually", "expect",
    "export", "extends", "extern", "final", "first_match", "for", "force", "foreach", "forever", "fork", "forkjoin",
    "function", "generate", "genvar", "global", "highz0", "highz1", "if", "iff", "ifnone", "ignore_bins",
    "illegal_bins", "implements", "implies", "import", "incdir", "include", "initial", "inout", "input", "inside",
    "instance", "int", "integer", "interconnect", "interface", "intersect", "join", "join_any", "join_none", "large",
    "let", "liblist", "library", "local", "localparam", "logic", "longint", "macromodule", "matches", "medium",
    "modport", "module", "nand", "negedge", "nettype", "new", "nexttime", "nmos", "nor", "noshowcancelled", "not",
    "notif0", "notif1", "null", "or", "output", "package", "packed", "parameter", "pmos", "posedge", "primitive",
    "priority", "program", "property", "protected", "pull0", "pull1", "pulldown", "pullup", "pulsestyle_ondetect",
    "pulsestyle_onevent", "pure", "rand", "randc", "randcase", "randsequence", "rcmos", "real", "realtime", "ref",
    "reg", "reject_on", "release", "repeat", "restrict", "return", "rnmos", "rpmos", "rtran", "rtranif0", "rtranif1",
    "s_always", "s_eventually", "s_nexttime", "s_until", "s_until_with", "scalared", "sequence", "shortint",
    "shortreal", "showcancelled", "signed", "small", "soft", "solve", "specify", "specparam", "static", "string",
    "strong", "strong0", "strong1", "struct", "super", "supply0", "supply1", "sync_accept_on", "sync_reject_on",
    "table", "tagged", "task", "this", "throughout", "time", "timeprecision", "timeunit", "tran", "tranif0", "tranif1",
    "tri", "tri0", "tri1", "triand", "trior", "trireg", "type", "typedef", "union", "unique", "unique0", "unsigned",
    "until", "until_with", "untyped", "use", "uwire", "var", "vectored", "virtual", "void", "wait", "wait_order",
    "wand", "weak", "weak0", "weak1", "while", "wildcard", "wire", "with", "within", "wor", "xnor", "xor",
];
