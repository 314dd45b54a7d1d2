//! The Verilog back end over rust-hdl's AST.

use rust_hdl_core::prelude::Block;

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

/// Why a block cannot be printed faithfully.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EmitError(pub String);

/// Prints `block` and everything below it; the top module is called `name`, and other modules get `prefix` before their
/// names, so that two kernels link into one design.
pub fn emit(block: &mut dyn Block, name: &str, prefix: &str) -> Result<Design, EmitError> {
    let _ = (block, name, prefix);
    Err(EmitError("not written yet".into()))
}
