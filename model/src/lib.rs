//! The specifications of Nearfield's arithmetic: plain Rust on `f32`, no hardware types, no I/O.
