//! An engine: its front end, which reads the graph and asks for records, and its datapath.

mod context;
mod edges;
mod event_counter;
mod fetch;
mod lookup;
mod ones;
mod request_mux;
mod rows;
mod whole;

pub use context::Context;
pub use edges::{Edges, CONTEXTS};
pub use event_counter::EventCounter;
pub use fetch::{Fetch, DESCRIPTOR_BITS};
pub use lookup::Lookup;
pub use ones::{OnesOfFour, OnesOfWord};
pub use request_mux::RequestMux;
pub use rows::{Rows, RowsPhase};
pub use whole::{Engine, TALLIES};
