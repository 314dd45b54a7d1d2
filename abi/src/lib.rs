//! What Nearfield's hardware and host agree on.
//!
//! This crate is the only place where a register offset, a port name, an argument order or a board's memory map is
//! written. The RTL's decoder, the host's accessors, the packaging scripts and the tables in the documentation are made
//! from it. It has no dependencies.

pub mod beicsr;
pub mod board;
pub mod checksum;
pub mod kernel;
pub mod port;
pub mod register;
pub mod topk;

/// The version of everything in this crate, readable from a kernel at [`register::ABI_VERSION`].
pub const ABI_VERSION: u32 = 3;
