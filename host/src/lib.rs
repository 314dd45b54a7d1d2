//! The host: devices, the optimizer step on them, the store of optimizer state, and graph networks.
//!
//! The binary `nearfield` is a thin shell around this library.

#[cfg(target_endian = "big")]
compile_error!("files and device memory are little-endian and are copied as they are");

pub mod aggregate;
pub mod compress;
mod crew;
pub mod device;
pub mod disk;
pub mod durable;
pub mod export;
pub mod gcn;
pub mod gradient_norm;
pub mod gradients;
pub mod graph;
pub mod handler;
pub mod import;
pub mod lm;
pub mod plan;
pub mod safetensors;
pub mod selftest;
pub mod source;
pub mod step;
pub mod store;
pub mod topk;
mod vector;
pub mod xclbin;
