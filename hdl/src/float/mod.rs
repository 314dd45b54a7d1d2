//! Floating-point units: IEEE 754 single precision, round to nearest even, subnormals kept.

use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[];
