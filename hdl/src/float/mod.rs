//! Floating-point units: IEEE 754 single precision, round to nearest even, subnormals kept, every NaN 0x7FC00000.
//!
//! Every unit has the shape unpack, raw operation, round: [`Unpack`] takes operands apart, the unit's own file does exact
//! arithmetic on integers, [`NormaliseDigit`]s shift the exact result to where it is rounded, subnormals included, and
//! [`Round`] rounds once and packs. Units are free-running pipelines: an operation enters every cycle and its result leaves
//! `LATENCY` cycles later.

mod normalise;
mod round;
mod unpack;

pub use normalise::NormaliseDigit;
pub use round::Round;
pub use unpack::Unpack;

use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[];
