//! Aggregation over compressed features: engines that read a graph, fetch records through a shared cache, and add them up.

mod context;
mod dispatch;
mod edges;
mod fetch;
pub mod layout;
mod lookup;
mod ones;
mod requests;
mod rows;
mod strip_walk;

pub use context::Context;
pub use dispatch::{Dispatch, DispatchPhase};
pub use edges::{Edges, CONTEXTS};
pub use fetch::{Fetch, DESCRIPTOR_BITS};
pub use lookup::Lookup;
pub use ones::{OnesOfFour, OnesOfWord};
pub use requests::Requests;
pub use rows::{Rows, RowsPhase};
pub use strip_walk::StripWalk;

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
    unit("sgcn_requests", || print::<Requests>("sgcn_requests")),
];
