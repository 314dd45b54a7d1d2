//! AXI4 movers and the AXI4-Lite control block.

use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[];
