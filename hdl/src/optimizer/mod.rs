//! Optimizer lanes: one element a cycle, free-running.

mod adamw;
mod any;
mod single;

pub use adamw::AdamwLane;
pub use any::AnyLane;
pub use single::SingleLane;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use nearfield_abi::kernel::smartupdate::Optimizer;

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
    single("single_lane_adamw", || lane("single_lane_adamw", Optimizer::AdamW)),
    single("single_lane_adam", || lane("single_lane_adam", Optimizer::Adam)),
    single("single_lane_adagrad", || lane("single_lane_adagrad", Optimizer::Adagrad)),
    single("single_lane_lion", || lane("single_lane_lion", Optimizer::Lion)),
    single("single_lane_sgd", || lane("single_lane_sgd", Optimizer::Sgd)),
];

const fn single(name: &'static str, emit: fn() -> Result<Design, EmitError>) -> Unit {
    Unit { name, family: "optimizer", latency: Some(SingleLane::LATENCY), emit }
}

fn lane(name: &str, one: Optimizer) -> Result<Design, EmitError> {
    emit(&SingleLane::new(one), name, "")
}
