//! A block as data: what `Block::accept` and `Logic::hdl` tell about it.

use super::EmitError;
use rust_hdl_core::prelude::*;

/// A signal or a constant of a block.
#[derive(Clone, Debug)]
pub(super) struct AtomInfo {
    /// Name within its block, with `$` between the parts: `bus$ready`, `x$3`.
    pub key: String,
    pub bits: usize,
    pub kind: AtomKind,
    pub descriptor: TypeDescriptor,
    /// `<bits>'h<digits>` for constants.
    pub value: String,
}

/// What a block's `hdl()` says.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Statements to print.
    Logic(Vec<ast::VerilogStatement>),
    /// The text of a module's body.
    Text(String),
    /// Text pasted into the parent, with `$(port)` holes.
    Inline(String),
    /// A register with this initial value.
    Register(String),
}

/// A block with its atoms and children.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Field name in the parent, array index after a `$`.
    pub field: String,
    /// Name given by `unit!`.
    stem: Option<String>,
    /// Full name of the Rust type, if `unit!` told it.
    pub source: Option<String>,
    /// Constants listed in `unit!`.
    pub constants: Vec<(String, i128)>,
    pub atoms: Vec<AtomInfo>,
    pub children: Vec<Node>,
    pub body: Body,
}

impl Node {
    /// The name of the module, before a prefix.
    pub fn stem(&self) -> String {
        self.stem.clone().unwrap_or_else(|| self.field.split('$').next().unwrap_or("block").to_string())
    }

    /// The body, if this block is printed within its parent.
    pub fn leaf(&self) -> Option<&Body> {
        matches!(self.body, Body::Inline(_) | Body::Register(_)).then_some(&self.body)
    }
}

/// Walks a block.
pub(super) fn collect(block: &dyn Block, name: &str) -> Result<Node, EmitError> {
    let mut walk = Walk { open: Vec::new(), namespaces: vec![Vec::new()], done: None, error: None };
    block.accept(name, &mut walk);
    match (walk.error, walk.done) {
        (Some(error), _) => Err(error),
        (None, Some(node)) => Ok(node),
        (None, None) => Err(EmitError::new(name, "block", "it has no scope: emit a block, not a signal or an array")),
    }
}

struct Walk {
    open: Vec<Node>,
    namespaces: Vec<Vec<String>>,
    done: Option<Node>,
    error: Option<EmitError>,
}

impl Walk {
    fn refuse(&mut self, place: &str, what: impl Into<String>) {
        let unit = self.open.iter().map(|n| n.field.as_str()).collect::<Vec<_>>().join(".");
        self.error.get_or_insert(EmitError::new(unit, place, what));
    }
}

impl Probe for Walk {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        let body = match node.hdl() {
            Verilog::Combinatorial(statements) => Body::Logic(statements),
            Verilog::Custom(text) => match (text.strip_prefix("@reg "), text.strip_prefix("@inline\n")) {
                (Some(value), _) => Body::Register(value.to_string()),
                (None, Some(template)) => Body::Inline(template.to_string()),
                (None, None) => Body::Text(text),
            },
            Verilog::Empty => {
                self.refuse(name, "the block says no hardware: derive `hdl` with #[hdl_gen] or write it");
                Body::Logic(Vec::new())
            }
            Verilog::Blackbox(_) | Verilog::Wrapper(_) => {
                self.refuse(name, "black boxes and wrappers are not printed: write a primitive in hdl/src/primitive");
                Body::Logic(Vec::new())
            }
        };
        let (mut stem, mut source, mut constants) = (None, None, Vec::new());
        if let Some(info) = node.timing().into_iter().find(|t| t.clock == "@unit") {
            let named = info.inputs.len();
            for input in info.inputs.iter().chain(&info.outputs) {
                match input.split_once('=').map(|(n, v)| (n, v.parse::<i128>())) {
                    Some((n, Ok(v))) => constants.push((n.to_string(), v)),
                    _ => self.refuse(name, format!("unit!: `{input}` is not a whole number")),
                }
            }
            stem = Some(stem_of(&info.name, &constants[..named.min(constants.len())]));
            source = Some(info.name);
        }
        let field = name.to_string();
        self.open.push(Node { field, stem, source, constants, atoms: vec![], children: vec![], body });
        self.namespaces.push(Vec::new());
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        if let Some(stack) = self.namespaces.last_mut() {
            stack.push(name.to_string());
        }
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let mut key = self.namespaces.last().map(|n| n.join("$")).unwrap_or_default();
        if !key.is_empty() {
            key.push('$');
        }
        key.push_str(name);
        match signal.kind() {
            AtomKind::InOutParameter | AtomKind::OutputPassthrough => {
                self.refuse(&key, "bidirectional signals are not printed: use an input and an output");
            }
            AtomKind::StubInputSignal | AtomKind::StubOutputSignal => {
                self.refuse(&key, "stub signals are not printed");
            }
            _ => {}
        }
        if signal.bits() == 0 {
            self.refuse(&key, "a signal of no bits has no Verilog: remove the field");
        }
        let atom = AtomInfo {
            key,
            bits: signal.bits(),
            kind: signal.kind(),
            descriptor: signal.descriptor(),
            value: format!("{:x}", signal.verilog()),
        };
        if let Some(node) = self.open.last_mut() {
            node.atoms.push(atom);
        }
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        if let Some(stack) = self.namespaces.last_mut() {
            stack.pop();
        }
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.namespaces.pop();
        if let Some(node) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => self.done = Some(node),
            }
        }
    }
}

/// `nearfield_hdl::stream::skid::Skid<512>` with `W=512` becomes `skid_512`.
fn stem_of(type_name: &str, constants: &[(String, i128)]) -> String {
    let plain = type_name.split('<').next().unwrap_or(type_name);
    let last = plain.rsplit("::").next().unwrap_or(plain);
    let mut stem = String::new();
    let letters: Vec<char> = last.chars().collect();
    for (i, &c) in letters.iter().enumerate() {
        let starts_word = c.is_uppercase()
            && i > 0
            && letters[i - 1] != '_'
            && (!letters[i - 1].is_uppercase() || letters.get(i + 1).is_some_and(|n| n.is_lowercase()));
        if starts_word {
            stem.push('_');
        }
        stem.extend(c.to_lowercase());
    }
    for (_, value) in constants {
        stem.push_str(&format!("_{value}"));
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::stem_of;

    #[test]
    fn stems_are_snake_case() {
        let w = [("W".to_string(), 512)];
        assert_eq!(stem_of("a::b::Skid<512>", &w), "skid_512");
        assert_eq!(stem_of("a::Fp32Add", &[]), "fp32_add");
        assert_eq!(stem_of("a::AXIReader", &[]), "axi_reader");
        assert_eq!(stem_of("fp32_add", &[]), "fp32_add");
    }
}
