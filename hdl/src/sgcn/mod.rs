//! Graph aggregation: the parts of `sgcn_aggregate`.
//!
//! An engine's datapath is [`Datapath`]: lines come in any order and leave [`Window`] in that of their slots, [`Decode`] makes
//! operations of them, [`Lanes`] multiply and accumulate, [`Drain`] reads finished rows out, [`Output`] cuts them into bursts.

mod datapath;
mod decode;
mod drain;
mod feed;
mod gather;
mod lane;
mod lanes;
mod output;
mod ranks;
mod split;
mod step;
mod window;

pub use datapath::Datapath;
pub use decode::Decode;
pub use drain::Drain;
pub use feed::Feed;
pub use gather::Gather;
pub use lane::Lane;
pub use lanes::Lanes;
pub use output::Output;
pub use ranks::Ranks;
pub use split::Split;
pub use step::Step;
pub use window::Window;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use rust_hdl_core::prelude::Block;

const fn unit(name: &'static str, emit: fn() -> Result<Design, EmitError>) -> Unit {
    Unit { name, family: "sgcn", latency: None, emit }
}

fn print<B: Block + Default>(name: &str) -> Result<Design, EmitError> {
    emit(&B::default(), name, name)
}

/// The units of this family that are tested alone.
pub const UNITS: &[Unit] = &[
    unit("sgcn_window", || print::<Window>("sgcn_window")),
    unit("sgcn_decode", || print::<Decode>("sgcn_decode")),
    unit("sgcn_lanes", || print::<Lanes>("sgcn_lanes")),
    unit("sgcn_drain", || print::<Drain>("sgcn_drain")),
    unit("sgcn_output", || print::<Output>("sgcn_output")),
    unit("sgcn_datapath", || print::<Datapath>("sgcn_datapath")),
];
