//! Optimizer lanes: one element a cycle, free-running.

mod adamw;

pub use adamw::AdamwLane;

use crate::emit::emit;
use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[Unit {
    name: "adamw_lane",
    family: "optimizer",
    latency: Some(AdamwLane::LATENCY),
    emit: || emit(&AdamwLane::default(), "adamw_lane", ""),
}];
