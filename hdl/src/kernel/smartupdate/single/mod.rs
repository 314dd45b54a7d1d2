//! `smartupdate_adamw` and its like: [`super::SmartUpdate`] for one optimizer.
//!
//! Masters, streams and pointers are those of the states it has, so there are two tops: rust-hdl's fields are pins, and their names
//! cannot depend on a number. What is behind the pins is written once, in [`Core`]. Lanes are [`crate::optimizer::SingleLane`].

mod core;
mod lanes;

pub use self::core::Core;
pub use lanes::SingleLanes;

use crate::axi::{AxiLite, AxiMaster};
use crate::prelude::*;
use nearfield_abi::kernel::smartupdate::Optimizer;
use nearfield_abi::kernel::KernelConfig;

/// The kernel of an optimizer with one state: Adagrad, Lion, SGD.
#[derive(Clone, Debug, LogicBlock)]
pub struct OneState<
    const LANES: usize,
    const W: usize,
    const N: usize,
    const K: usize,
    const HK: usize,
    const D: usize,
    const P: usize,
    const H: usize,
    const NH: usize,
    const T: usize,
    const S: usize,
    const SN: usize,
    const SB: usize,
    const NODES: usize,
    const LEVELS: usize,
    const ST: usize,
> {
    /// Clock.
    pub ap_clk: Signal<In, Clock>,
    /// Reset, active low, synchronous.
    pub ap_rst_n: Signal<In, Bit>,
    /// To the host.
    pub interrupt: Signal<Out, Bit>,
    /// Registers.
    pub s_axi_control: AxiLite,
    /// Parameters.
    pub m_axi_gmem0: AxiMaster,
    /// The state.
    pub m_axi_gmem1: AxiMaster,
    /// Gradients, and the half copy.
    pub m_axi_gmem2: AxiMaster,
    core: Core<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST, 2, 3, 6, 23, 86>,
}

impl<
        const LANES: usize,
        const W: usize,
        const N: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > OneState<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    /// The kernel for this optimizer.
    ///
    /// # Panics
    ///
    /// As [`Core::new`].
    pub fn new(config: &KernelConfig, one: Optimizer) -> Self {
        OneState {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiMaster::default(),
            m_axi_gmem1: AxiMaster::default(),
            m_axi_gmem2: AxiMaster::default(),
            core: Core::new(config, one),
        }
    }
}

impl<
        const LANES: usize,
        const W: usize,
        const N: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > Logic for OneState<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    #[hdl_gen]
    fn update(&mut self) {
        self.core.clock.next = self.ap_clk.val();
        self.core.reset.next = !self.ap_rst_n.val();
        self.interrupt.next = self.core.request.val();
        AxiLite::link(&mut self.s_axi_control, &mut self.core.bus);
        AxiMaster::link(&mut self.m_axi_gmem0, &mut self.core.axi[0]);
        AxiMaster::link(&mut self.m_axi_gmem1, &mut self.core.axi[1]);
        AxiMaster::link(&mut self.m_axi_gmem2, &mut self.core.axi[2]);
    }
    unit!("smartupdate", LANES);
}

/// The kernel of an optimizer with two states: AdamW, Adam.
#[derive(Clone, Debug, LogicBlock)]
pub struct TwoStates<
    const LANES: usize,
    const W: usize,
    const N: usize,
    const K: usize,
    const HK: usize,
    const D: usize,
    const P: usize,
    const H: usize,
    const NH: usize,
    const T: usize,
    const S: usize,
    const SN: usize,
    const SB: usize,
    const NODES: usize,
    const LEVELS: usize,
    const ST: usize,
> {
    /// Clock.
    pub ap_clk: Signal<In, Clock>,
    /// Reset, active low, synchronous.
    pub ap_rst_n: Signal<In, Bit>,
    /// To the host.
    pub interrupt: Signal<Out, Bit>,
    /// Registers.
    pub s_axi_control: AxiLite,
    /// Parameters.
    pub m_axi_gmem0: AxiMaster,
    /// First moments.
    pub m_axi_gmem1: AxiMaster,
    /// Second moments.
    pub m_axi_gmem2: AxiMaster,
    /// Gradients, and the half copy.
    pub m_axi_gmem3: AxiMaster,
    core: Core<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST, 3, 4, 8, 25, 104>,
}

impl<
        const LANES: usize,
        const W: usize,
        const N: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > TwoStates<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    /// The kernel for this optimizer.
    ///
    /// # Panics
    ///
    /// As [`Core::new`].
    pub fn new(config: &KernelConfig, one: Optimizer) -> Self {
        TwoStates {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiMaster::default(),
            m_axi_gmem1: AxiMaster::default(),
            m_axi_gmem2: AxiMaster::default(),
            m_axi_gmem3: AxiMaster::default(),
            core: Core::new(config, one),
        }
    }
}

impl<
        const LANES: usize,
        const W: usize,
        const N: usize,
        const K: usize,
        const HK: usize,
        const D: usize,
        const P: usize,
        const H: usize,
        const NH: usize,
        const T: usize,
        const S: usize,
        const SN: usize,
        const SB: usize,
        const NODES: usize,
        const LEVELS: usize,
        const ST: usize,
    > Logic for TwoStates<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    #[hdl_gen]
    fn update(&mut self) {
        self.core.clock.next = self.ap_clk.val();
        self.core.reset.next = !self.ap_rst_n.val();
        self.interrupt.next = self.core.request.val();
        AxiLite::link(&mut self.s_axi_control, &mut self.core.bus);
        AxiMaster::link(&mut self.m_axi_gmem0, &mut self.core.axi[0]);
        AxiMaster::link(&mut self.m_axi_gmem1, &mut self.core.axi[1]);
        AxiMaster::link(&mut self.m_axi_gmem2, &mut self.core.axi[2]);
        AxiMaster::link(&mut self.m_axi_gmem3, &mut self.core.axi[3]);
    }
    unit!("smartupdate", LANES);
}

#[cfg(test)]
mod tests {
    use nearfield_abi::kernel::smartupdate as abi;
    use nearfield_abi::kernel::{Argument, ArgumentKind, Kernel, KernelConfig};

    #[test]
    fn arguments_and_streams_are_in_the_order_of_the_wiring() {
        for config in abi::Optimizer::ALL.into_iter().flat_map(|one| KernelConfig::of(Kernel::SmartUpdateOf(one))) {
            let masters = config.masters().len() as u32;
            let arguments = config.arguments();
            let (pointers, scalars) = arguments.split_at(masters as usize + 1);
            let through = |argument: &Argument| match argument.kind {
                ArgumentKind::Pointer { master } => Some(master),
                ArgumentKind::U32 | ArgumentKind::F32 => None,
            };
            let wired: Vec<Option<u32>> = (0..masters).chain([masters - 1]).map(Some).collect();
            assert_eq!(pointers.iter().map(through).collect::<Vec<_>>(), wired, "{}", config.name());
            let all = KernelConfig::smartupdate(1).unwrap().arguments();
            let names = |list: &[Argument]| list.iter().map(|argument| argument.name).collect::<Vec<_>>();
            assert_eq!(names(scalars), names(&all[abi::ELEMENTS..]), "{}", config.name());
            let streams: Vec<(bool, u32)> = config.streams().iter().map(|s| (s.read, s.master)).collect();
            let wired = [true, false].into_iter().flat_map(|read| (0..masters).map(move |master| (read, master)));
            assert_eq!(streams, wired.collect::<Vec<_>>(), "{}", config.name());
        }
    }
}
