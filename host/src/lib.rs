//! Host library.

pub mod gcn;
