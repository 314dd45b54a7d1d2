//! AXI4 movers and the AXI4-Lite control block.

mod bursts;
mod bus;
mod counter;
mod failure;
mod read_mover;
mod write_mover;

pub use bursts::{BurstState, Bursts};
pub use bus::{AxiLite, AxiMaster, AxiRead, AxiWrite};
pub use counter::Counter;
pub use failure::Failure;
pub use read_mover::ReadMover;
pub use write_mover::WriteMover;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use rust_hdl_core::prelude::Block;

const fn unit(name: &'static str, emit: fn() -> Result<Design, EmitError>) -> Unit {
    Unit { name, family: "axi", latency: None, emit }
}

fn print<B: Block + Default>(name: &str) -> Result<Design, EmitError> {
    emit(&B::default(), name, name)
}

/// The units of this family.
pub const UNITS: &[Unit] = &[
    unit("axi_counter", || print::<Counter>("axi_counter")),
    unit("axi_failure", || print::<Failure>("axi_failure")),
    unit("axi_bursts", || print::<Bursts>("axi_bursts")),
    unit("axi_read_mover", || print::<ReadMover<9, 10, 512>>("axi_read_mover")),
    unit("axi_write_mover", || print::<WriteMover<9, 10, 512>>("axi_write_mover")),
];
