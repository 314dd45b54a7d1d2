//! Simulated boards: kernels built with Verilator, memory that is never kind, DRAM timing and waves.
//!
//! [`verilate`] turns a design that `nearfield_hdl` printed into a loaded library and clocks it.

pub mod axi;
pub mod verilate;
