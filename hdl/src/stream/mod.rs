//! Valid/ready stream cells.
//!
//! A transfer happens when `valid` and `ready` are both 1; once valid, neither `valid` nor `data` changes before the
//! transfer; `valid` never waits for `ready`; `ready` may do as it likes. Every cell keeps these rules on its output as
//! long as its inputs do; `reset` is the one thing that takes an offer back.

mod checksum;
mod couple;
mod credit;
mod extent;
mod fifo;
mod fork;
mod join;
mod narrow;
mod nonfinite;
mod port;
mod position_sum;
mod register;
mod running_sums;
mod skid;
mod widen;
mod word_sums;

pub use checksum::{Checksum, Checksum128, Checksum256, Checksum512, Checksum64};
pub use couple::Couple;
pub use credit::Credit;
pub use extent::Extent;
pub use fifo::Fifo;
pub use fork::Fork;
pub use join::Join;
pub use narrow::Narrow;
pub use nonfinite::{Nonfinite, Nonfinite128, Nonfinite256, Nonfinite512, Nonfinite64};
pub use port::{StreamIn, StreamOut};
pub use position_sum::PositionSum;
pub use register::Register;
pub use running_sums::RunningSums;
pub use skid::Skid;
pub use widen::Widen;
pub use word_sums::WordSums;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use rust_hdl_core::prelude::Block;

const fn unit(name: &'static str, emit: fn() -> Result<Design, EmitError>) -> Unit {
    Unit { name, family: "stream", latency: None, emit }
}

fn print<B: Block + Default>(name: &str) -> Result<Design, EmitError> {
    emit(&B::default(), name, name)
}

/// The units of this family, in sizes that show what they do.
pub const UNITS: &[Unit] = &[
    unit("stream_register", || print::<Register<32>>("stream_register")),
    unit("stream_skid", || print::<Skid<32>>("stream_skid")),
    unit("stream_fifo", || print::<Fifo<512, 9, 10>>("stream_fifo")),
    unit("stream_fork", || print::<Fork<32, 3>>("stream_fork")),
    unit("stream_join", || print::<Join<4>>("stream_join")),
    unit("stream_narrow", || print::<Narrow<512, 128, 2>>("stream_narrow")),
    unit("stream_widen", || print::<Widen<128, 4, 512, 2>>("stream_widen")),
    unit("stream_credit", || print::<Credit<10, 512>>("stream_credit")),
    unit("stream_couple", || print::<Couple<32, 64>>("stream_couple")),
    unit("stream_extent", || print::<Extent<4>>("stream_extent")),
    unit("stream_checksum", || print::<Checksum512>("stream_checksum")),
    unit("stream_nonfinite", || print::<Nonfinite512>("stream_nonfinite")),
];
