//! The host: devices, the optimizer step on them, the store of optimizer state, and graph networks.
//!
//! The binary `nearfield` is a thin shell around this library.

pub mod device;
pub mod gcn;
pub mod step;
