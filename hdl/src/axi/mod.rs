//! AXI4 movers and the AXI4-Lite control block.

mod bursts;
mod bus;
mod control;
mod control_word;
mod counter;
mod failure;
mod handshake;
mod lite_slave;
mod read_mover;
mod write_mover;

pub use bursts::{BurstState, Bursts};
pub use bus::{AxiIdMaster, AxiIdRead, AxiIdWrite, AxiLite, AxiMaster, AxiRead, AxiWrite};
pub use control::Control;
pub use control_word::{ArgumentWord, ReadWord};
pub use counter::Counter;
pub use failure::Failure;
pub use handshake::Handshake;
pub use lite_slave::{LiteRead, LiteSlave, LiteWrite};
pub use read_mover::ReadMover;
pub use write_mover::WriteMover;

use crate::emit::{emit, Design, EmitError};
use crate::Unit;
use nearfield_abi::kernel::{Kernel, KernelConfig};
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
    unit("axi_lite_slave", || print::<LiteSlave>("axi_lite_slave")),
    unit("axi_handshake", || print::<Handshake>("axi_handshake")),
    unit("axi_control", || {
        let config = KernelConfig { kernel: Kernel::SmartUpdate, lanes: 1, ports: 0 };
        emit(&Control::<25, 8, 0, 104>::new(&config), "axi_control", "axi_control")
    }),
    unit("axi_write_mover", || print::<WriteMover<9, 10, 512>>("axi_write_mover")),
];
