//! `sgcn_aggregate`: sums of neighbours' features, weighted, over a graph of any size.
//!
//! ```text
//!  s_axi_control ── Control ── Sequencer ── Dispatch
//!                                             │ strips
//!                            Engine x N ──────┘
//!                     requests │   │ bursts
//!                            Cache │
//!                              │   │
//!                 ReadPort x M ┴───┴ WritePort x M ── m_axi_gmem0 ...
//! ```
//!
//! Graph, features and results lie in one arena that is striped over the ports; see `nearfield_abi::kernel::sgcn`. A run is over when every
//! strip was dealt, every row has left and every write was answered. The cache forgets everything before a run.

mod check;
mod core;
mod port_tally;
mod watch;

pub use check::ArgumentCheck;
pub use core::Core;
pub use port_tally::{PortTally, PORT_TALLIES};
pub use watch::Watch;

use crate::axi::{AxiIdMaster, AxiLite};
use crate::prelude::*;
use nearfield_abi::kernel::KernelConfig;

/// The kernel with one memory port; `N` engines, other parameters as [`Core`] has them.
#[derive(Clone, Debug, LogicBlock)]
pub struct OnePort<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize> {
    /// Clock.
    pub ap_clk: Signal<In, Clock>,
    /// Reset, active low, synchronous.
    pub ap_rst_n: Signal<In, Bit>,
    /// To the host.
    pub interrupt: Signal<Out, Bit>,
    /// Registers.
    pub s_axi_control: AxiLite,
    /// Port 0 of the arena.
    pub m_axi_gmem0: AxiIdMaster,
    core: Core<N, 1, 0, S, A, 2, 6, 14, LIMBS, WORDS>,
}

impl<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize>
    OnePort<N, S, A, LIMBS, WORDS>
{
    /// The kernel in this configuration.
    ///
    /// # Panics
    ///
    /// As [`Core::new`].
    pub fn new(config: &KernelConfig) -> Self {
        OnePort {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiIdMaster::default(),
            core: Core::new(config),
        }
    }
}

impl<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize> Logic
    for OnePort<N, S, A, LIMBS, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        self.core.clock.next = self.ap_clk.val();
        self.core.reset.next = !self.ap_rst_n.val();
        self.interrupt.next = self.core.request.val();
        AxiLite::link(&mut self.s_axi_control, &mut self.core.bus);
        AxiIdMaster::link(&mut self.m_axi_gmem0, &mut self.core.axi[0]);
    }
    unit!("sgcn_aggregate", N);
}

/// The kernel with eight memory ports; `N` engines, other parameters as [`Core`] has them.
#[derive(Clone, Debug, LogicBlock)]
pub struct EightPorts<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize> {
    /// Clock.
    pub ap_clk: Signal<In, Clock>,
    /// Reset, active low, synchronous.
    pub ap_rst_n: Signal<In, Bit>,
    /// To the host.
    pub interrupt: Signal<Out, Bit>,
    /// Registers.
    pub s_axi_control: AxiLite,
    /// Port 0 of the arena.
    pub m_axi_gmem0: AxiIdMaster,
    /// Port 1 of the arena.
    pub m_axi_gmem1: AxiIdMaster,
    /// Port 2 of the arena.
    pub m_axi_gmem2: AxiIdMaster,
    /// Port 3 of the arena.
    pub m_axi_gmem3: AxiIdMaster,
    /// Port 4 of the arena.
    pub m_axi_gmem4: AxiIdMaster,
    /// Port 5 of the arena.
    pub m_axi_gmem5: AxiIdMaster,
    /// Port 6 of the arena.
    pub m_axi_gmem6: AxiIdMaster,
    /// Port 7 of the arena.
    pub m_axi_gmem7: AxiIdMaster,
    core: Core<N, 8, 3, S, A, 16, 13, 28, LIMBS, WORDS>,
}

impl<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize>
    EightPorts<N, S, A, LIMBS, WORDS>
{
    /// The kernel in this configuration.
    ///
    /// # Panics
    ///
    /// As [`Core::new`].
    pub fn new(config: &KernelConfig) -> Self {
        EightPorts {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiIdMaster::default(),
            m_axi_gmem1: AxiIdMaster::default(),
            m_axi_gmem2: AxiIdMaster::default(),
            m_axi_gmem3: AxiIdMaster::default(),
            m_axi_gmem4: AxiIdMaster::default(),
            m_axi_gmem5: AxiIdMaster::default(),
            m_axi_gmem6: AxiIdMaster::default(),
            m_axi_gmem7: AxiIdMaster::default(),
            core: Core::new(config),
        }
    }
}

impl<const N: usize, const S: usize, const A: usize, const LIMBS: usize, const WORDS: usize> Logic
    for EightPorts<N, S, A, LIMBS, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        self.core.clock.next = self.ap_clk.val();
        self.core.reset.next = !self.ap_rst_n.val();
        self.interrupt.next = self.core.request.val();
        AxiLite::link(&mut self.s_axi_control, &mut self.core.bus);
        AxiIdMaster::link(&mut self.m_axi_gmem0, &mut self.core.axi[0]);
        AxiIdMaster::link(&mut self.m_axi_gmem1, &mut self.core.axi[1]);
        AxiIdMaster::link(&mut self.m_axi_gmem2, &mut self.core.axi[2]);
        AxiIdMaster::link(&mut self.m_axi_gmem3, &mut self.core.axi[3]);
        AxiIdMaster::link(&mut self.m_axi_gmem4, &mut self.core.axi[4]);
        AxiIdMaster::link(&mut self.m_axi_gmem5, &mut self.core.axi[5]);
        AxiIdMaster::link(&mut self.m_axi_gmem6, &mut self.core.axi[6]);
        AxiIdMaster::link(&mut self.m_axi_gmem7, &mut self.core.axi[7]);
    }
    unit!("sgcn_aggregate", N);
}

// The widths of each number of engines are written here and nowhere else.
/// 1 engine.
pub type OnePort1 = OnePort<1, 2, 6, 16, 45>;
/// 2 engines.
pub type OnePort2 = OnePort<2, 2, 6, 24, 53>;
/// 4 engines.
pub type OnePort4 = OnePort<4, 2, 6, 40, 69>;
/// 8 engines.
pub type OnePort8 = OnePort<8, 4, 8, 72, 101>;
/// 16 engines.
pub type OnePort16 = OnePort<16, 5, 9, 136, 165>;
/// 1 engine.
pub type EightPorts1 = EightPorts<1, 2, 6, 44, 87>;
/// 2 engines.
pub type EightPorts2 = EightPorts<2, 2, 6, 52, 95>;
/// 4 engines.
pub type EightPorts4 = EightPorts<4, 2, 6, 68, 111>;
/// 8 engines.
pub type EightPorts8 = EightPorts<8, 4, 8, 100, 143>;
/// 16 engines.
pub type EightPorts16 = EightPorts<16, 5, 9, 164, 207>;
