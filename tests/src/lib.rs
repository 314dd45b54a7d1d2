//! What the test suites share.

pub mod binary32;
pub mod budget;
pub mod cell;
pub mod differential;
pub mod formal;
pub mod half;
pub mod lint;
pub mod rng;
pub mod stream;
pub mod synth;
pub mod unit_table;
