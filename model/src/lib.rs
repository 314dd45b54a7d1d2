//! The specifications of Nearfield's arithmetic: plain Rust on `f32`, no hardware types, no I/O.
//!
//! What stands here is what the generated hardware and the host's fast path are compared with, bit for bit.

pub mod aggregate;
pub mod beicsr;
pub mod gradient_norm;
pub mod half;
pub mod optimizer;
pub mod scale;
