//! The `nearfield` program as its users meet it: exit codes, messages, what is written and what is not.

mod accumulate;
mod bad_input;
mod checkpoints;
mod compress;
mod full_disk;
mod gcn_bench;
mod gcn_fetch;
mod gcn_train;
mod imports;
mod journey;
mod killed;
mod lm_train;
mod optimizers;
mod plan;
mod scaling;
#[cfg(feature = "sim")]
mod simulated;
mod top_k;
mod workbench;
#[cfg(all(feature = "sim", feature = "xrt"))]
mod xrt;
