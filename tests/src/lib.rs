//! What the test suites share.

pub mod differential;
pub mod lint;
pub mod rng;
pub mod synth;
