//! Kernels on simulated boards.

mod bench;
mod smartupdate;
