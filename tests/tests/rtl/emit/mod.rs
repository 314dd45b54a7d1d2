//! The Verilog back end: what it prints means what rust-hdl's simulation does.

mod program;
mod random;
mod refusals;
mod zoo;
