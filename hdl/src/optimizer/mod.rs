//! Optimizer lanes.

use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[];
