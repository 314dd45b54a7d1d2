//! Optimizer lanes: one element a cycle, free-running.

mod adamw;
mod any;

pub use adamw::AdamwLane;
pub use any::AnyLane;

use crate::emit::emit;
use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[
    Unit {
        name: "adamw_lane",
        family: "optimizer",
        latency: Some(AdamwLane::LATENCY),
        emit: || emit(&AdamwLane::default(), "adamw_lane", ""),
    },
    Unit {
        name: "any_lane",
        family: "optimizer",
        latency: Some(AnyLane::LATENCY),
        emit: || emit(&AnyLane::default(), "any_lane", ""),
    },
];
