//! The parts of `sgcn_aggregate`, and the kernel, under Verilator.

mod cache;
mod cycle_model;
mod datapath;
