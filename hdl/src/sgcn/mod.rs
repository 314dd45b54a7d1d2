//! Graph aggregation over compressed features: the parts of `sgcn_aggregate`.
//!
//! [`Dispatch`] deals strips of rows to engines. An [`Engine`] reads row pointers ([`Rows`]), column ids and weights ([`Edges`]), finds out how
//! long each record is and asks for its lines ([`Fetch`], [`Lookup`]); what comes back goes through its [`Datapath`]: lines come in any order
//! and leave [`Window`] in that of their slots, [`Decode`] makes operations of them, [`Lanes`] multiply and accumulate, [`Drain`] reads
//! finished rows out, [`Output`] cuts them into bursts.

mod context;
mod datapath;
mod decode;
mod dispatch;
mod drain;
mod edges;
mod engine;
mod feed;
mod fetch;
mod format;
mod gather;
mod lane;
mod lanes;
pub mod layout;
mod lookup;
mod ones;
mod output;
mod ranks;
mod requests;
mod rows;
mod split;
mod step;
mod strip_walk;
mod tally;
mod window;

pub use context::Context;
pub use datapath::Datapath;
pub use decode::Decode;
pub use dispatch::{Dispatch, DispatchPhase};
pub use drain::Drain;
pub use edges::{Edges, CONTEXTS};
pub use engine::{Engine, TALLIES};
pub use feed::Feed;
pub use fetch::{Fetch, DESCRIPTOR_BITS};
pub use format::Format;
pub use gather::Gather;
pub use lane::Lane;
pub use lanes::Lanes;
pub use lookup::Lookup;
pub use ones::{OnesOfFour, OnesOfWord};
pub use output::Output;
pub use ranks::Ranks;
pub use requests::Requests;
pub use rows::{Rows, RowsPhase};
pub use split::Split;
pub use step::Step;
pub use strip_walk::StripWalk;
pub use tally::Tally;
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
    unit("sgcn_dispatch", || print::<Dispatch<4>>("sgcn_dispatch")),
    unit("sgcn_rows", || print::<Rows>("sgcn_rows")),
    unit("sgcn_edges", || print::<Edges>("sgcn_edges")),
    unit("sgcn_lookup", || print::<Lookup>("sgcn_lookup")),
    unit("sgcn_fetch", || print::<Fetch>("sgcn_fetch")),
    unit("sgcn_engine", || print::<Engine>("sgcn_engine")),
    unit("sgcn_requests", || print::<Requests>("sgcn_requests")),
    unit("sgcn_window", || print::<Window>("sgcn_window")),
    unit("sgcn_decode", || print::<Decode>("sgcn_decode")),
    unit("sgcn_lanes", || print::<Lanes>("sgcn_lanes")),
    unit("sgcn_drain", || print::<Drain>("sgcn_drain")),
    unit("sgcn_output", || print::<Output>("sgcn_output")),
    unit("sgcn_datapath", || print::<Datapath>("sgcn_datapath")),
];
