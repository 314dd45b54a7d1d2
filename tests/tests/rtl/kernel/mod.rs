//! Kernels on simulated boards.

mod bench;
mod combinations;
mod formats;
mod gate;
mod smartupdate;
