//! Graph aggregation over compressed features: the parts of `sgcn_aggregate`.
//!
//! [`Dispatch`] deals strips of rows to engines. An [`engine::Engine`] reads row pointers, column ids and weights, finds out how long each
//! record is and asks for its lines; what comes back goes through its [`datapath`], which makes operations of records, adds them up and
//! writes finished rows. Between the engines and memory lies the [`cache`].

pub mod cache;
pub mod datapath;
mod dispatch;
pub mod engine;
mod format;
pub mod layout;
mod strip_walk;

pub use dispatch::{Dispatch, DispatchPhase};
pub use format::Format;
pub use strip_walk::StripWalk;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use cache::{Bank, Cache, ReadPort, WritePort};
use datapath::{Datapath, Decode, Drain, Lanes, Output, Window};
use engine::{Edges, Engine, Fetch, Lookup, RequestMux, Rows};
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
    unit("sgcn_request_mux", || print::<RequestMux>("sgcn_request_mux")),
    unit("sgcn_window", || print::<Window>("sgcn_window")),
    unit("sgcn_decode", || print::<Decode>("sgcn_decode")),
    unit("sgcn_lanes", || print::<Lanes>("sgcn_lanes")),
    unit("sgcn_drain", || print::<Drain>("sgcn_drain")),
    unit("sgcn_output", || print::<Output>("sgcn_output")),
    unit("sgcn_datapath", || print::<Datapath>("sgcn_datapath")),
    unit("sgcn_engine", || print::<Engine>("sgcn_engine")),
    unit("sgcn_bank", || print::<Bank<2, 6>>("sgcn_bank")),
    unit("sgcn_cache", || print::<Cache<4, 8, 3, 2, 6>>("sgcn_cache")),
    unit("sgcn_read_port", || print::<ReadPort>("sgcn_read_port")),
    unit("sgcn_write_port", || print::<WritePort<4, 8, 3>>("sgcn_write_port")),
];
