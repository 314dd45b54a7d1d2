//! Nearfield's hardware, described in rust-hdl, and the Verilog back end that prints it.
//!
//! The crate does no I/O: [`emit::emit`] is a pure function from a block to text, [`kernel::emit`] from a kernel's
//! configuration. [`units`] lists every unit that stands alone.

pub mod axi;
pub mod float;
pub mod kernel;
pub mod optimizer;
pub mod prelude;
pub mod primitive;
pub mod sgcn;
pub mod stream;
pub mod topk;
mod unit;

pub use nearfield_emit as emit;
pub use unit::{units, Unit};
