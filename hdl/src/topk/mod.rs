//! The Top-K decompressor: a compressed gradient in, the dense one out, merged on the fly.
//!
//! [`Decompress`] is the whole. [`Route`] looks at the header, [`Table`] keeps what the stream says of its chunks, [`Groups`] takes
//! beats apart into slices of kept elements, [`Merge`] puts those to their places among zeros; [`Fold`], [`Order`] and [`Padding`] look on
//! and [`Watch`] keeps the first fault. [`Value`], behind it, makes binary32 of the numbers. The format is `nearfield_abi::topk`.

mod decompress;
mod fold;
mod groups;
mod merge;
mod order;
mod padding;
mod route;
mod table;
mod value;
mod watch;

pub use decompress::Decompress;
pub use fold::Fold;
pub use groups::{Groups, GroupsPhase};
pub use merge::Merge;
pub use order::Order;
pub use padding::Padding;
pub use route::{Route, RoutePhase};
pub use table::{Table, TablePhase};
pub use value::Value;
pub use watch::Watch;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use rust_hdl_core::prelude::Block;

/// Bits of a chunk's number: a table of 512 entries fills a row of block RAM.
pub const CHUNK_BITS: usize = 9;
/// Bits of an element's number in a run.
pub const PLACE_BITS: usize = CHUNK_BITS + 16;
/// The most elements of a run.
pub const MAX_ELEMENTS: u64 = 1 << PLACE_BITS;

/// The decompressor of one lane; the widths of each number of lanes are written here and nowhere else.
pub type Decompress1 = Decompress<1, 2, 2, 16, 32, 5, 4>;
/// The decompressor of two lanes.
pub type Decompress2 = Decompress<2, 4, 8, 32, 64, 4, 3>;
/// The decompressor of four lanes.
pub type Decompress4 = Decompress<4, 8, 32, 64, 128, 3, 2>;
/// The decompressor of eight lanes.
pub type Decompress8 = Decompress<8, 16, 128, 128, 256, 2, 1>;

const fn unit(name: &'static str, emit: fn() -> Result<Design, EmitError>) -> Unit {
    Unit { name, family: "topk", latency: None, emit }
}

fn print<B: Block + Default>(name: &str) -> Result<Design, EmitError> {
    emit(&B::default(), name, name)
}

/// The units of this family that are tested alone, with four lanes.
pub const UNITS: &[Unit] = &[
    unit("topk_value", || print::<Value>("topk_value")),
    Unit { name: "topk_fold", family: "topk", latency: Some(Fold::LATENCY), emit: || print::<Fold>("topk_fold") },
    unit("topk_groups", || print::<Groups<4, 64, 128, 3, 2>>("topk_groups")),
    unit("topk_order", || print::<Order<4, 64>>("topk_order")),
    unit("topk_padding", || print::<Padding>("topk_padding")),
    unit("topk_merge", || print::<Merge<4, 8, 32, 64, 128>>("topk_merge")),
    unit("topk_decompress", || print::<Decompress4>("topk_decompress")),
];
