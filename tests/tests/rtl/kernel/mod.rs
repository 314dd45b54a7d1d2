//! Kernels on simulated boards.

mod bench;
mod gate;
mod smartupdate;
