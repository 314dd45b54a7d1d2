//! The Verilog back end: what it prints means what rust-hdl's simulation does.

mod refusals;
mod zoo;
