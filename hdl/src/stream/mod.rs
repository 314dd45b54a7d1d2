//! Valid/ready stream cells.

use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[];
