//! What the test suites share.

pub mod differential;
pub mod rng;
