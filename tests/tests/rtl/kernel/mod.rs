//! Kernels on simulated boards.

mod bench;
mod combinations;
mod contract;
mod formats;
mod gate;
mod gradient_norm;
mod sgcn_aggregate;
mod single;
mod smartupdate;
mod squares;
