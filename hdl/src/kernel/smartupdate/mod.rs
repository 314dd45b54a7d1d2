//! `smartupdate`: the step of AdamW, Adam, Adagrad, Lion or SGD on a flat run of elements.
//!
//! ```text
//!  m_axi_gmem0 ── Tensor params      ─┐                               ┌─ Tensor params
//!  m_axi_gmem1 ── Tensor exp_avg     ─┼─ Join ─ Gate ─ Lanes (free- ──┼─ Tensor exp_avg      (the same three,
//!  m_axi_gmem2 ── Tensor exp_avg_sq  ─┤                running)       ├─ Tensor exp_avg_sq    their write side)
//!  m_axi_gmem3 ── Gradients          ─┘       Ledger looks on         └─ HalfCopy ── m_axi_gmem3
//! ```
//!
//! Beats are processed whole: the lanes also compute on what lies past the last element in the last beat, and the write
//! movers' strobes keep it from memory. Nothing in the data path but `Ledger` knows the number of elements. A moment that
//! `optimizer` has no use for is left alone; `grad_format` is for `Gradients`, `half_format` for `HalfCopy`.

mod arguments;
mod check;
mod gate;
mod half_copy;
mod lanes;
mod ledger;
mod mode;
mod single;
mod tensor;
mod widths;

pub use check::ArgumentCheck;
pub use gate::Gate;
pub use half_copy::HalfCopy;
pub use lanes::Lanes;
pub use ledger::Ledger;
pub use mode::Mode;
pub use single::{Core, OneState, SingleLanes, TwoStates};
pub use tensor::Tensor;
pub use widths::*;

use super::{Gradients, Sequencer, DEPTH};
use crate::axi::{AxiLite, AxiMaster, Control};
use crate::prelude::*;
use crate::stream::Join;
use arguments::*;
use nearfield_abi::kernel::KernelConfig;

/// The kernel, wiring only; `widths` says what the parameters are.
#[derive(Clone, Debug, LogicBlock)]
pub struct SmartUpdate<
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
    /// Gradients.
    pub m_axi_gmem3: AxiMaster,
    control: Control<ARGUMENTS, STREAMS, 0, WORDS>,
    check: ArgumentCheck,
    mode: Mode,
    sequencer: Sequencer<STREAMS>,
    params: Tensor<W, N, K>,
    exp_avg: Tensor<W, N, K>,
    exp_avg_sq: Tensor<W, N, K>,
    grads: Gradients<LANES, W, K, HK, D, P, H>,
    half: HalfCopy<LANES, W, H, N, K>,
    join: Join<4>,
    gate: Gate<4, K, HK, 10, DEPTH>,
    lanes: Lanes<LANES, W>,
    ledger: Ledger<W, D, NH, T, S, SN, SB, NODES, LEVELS, ST>,
    reset: Signal<Local, Bit>,
    empty: Signal<Local, Bit>,
    params_at: Pack<2, 32, 64>,
    exp_avg_at: Pack<2, 32, 64>,
    exp_avg_sq_at: Pack<2, 32, 64>,
    grads_at: Pack<2, 32, 64>,
    half_at: Pack<2, 32, 64>,
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
    > SmartUpdate<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    /// The kernel in this configuration.
    ///
    /// # Panics
    ///
    /// The configuration has another number of lanes, or the widths do not belong to it.
    pub fn new(config: &KernelConfig) -> Self {
        assert_eq!(LANES, config.lanes as usize, "lanes of {}", config.name());
        assert!(W == 32 * LANES && N * W == 512 && N == 1 << K, "widths of {}", config.name());
        SmartUpdate {
            ap_clk: Signal::default(),
            ap_rst_n: Signal::default(),
            interrupt: Signal::default(),
            s_axi_control: AxiLite::default(),
            m_axi_gmem0: AxiMaster::default(),
            m_axi_gmem1: AxiMaster::default(),
            m_axi_gmem2: AxiMaster::default(),
            m_axi_gmem3: AxiMaster::default(),
            control: Control::new(config),
            check: ArgumentCheck::new(config),
            mode: Mode::default(),
            sequencer: Sequencer::new(config),
            params: Tensor::default(),
            exp_avg: Tensor::default(),
            exp_avg_sq: Tensor::default(),
            grads: Gradients::default(),
            half: HalfCopy::default(),
            join: Join::default(),
            gate: Gate::default(),
            lanes: Lanes::default(),
            ledger: Ledger::default(),
            reset: Signal::default(),
            empty: Signal::default(),
            params_at: Pack::default(),
            exp_avg_at: Pack::default(),
            exp_avg_sq_at: Pack::default(),
            grads_at: Pack::default(),
            half_at: Pack::default(),
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
    > Logic for SmartUpdate<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, ap_clk, control, check, mode, sequencer, params, exp_avg, exp_avg_sq, grads, half, gate, lanes,
            ledger
        );
        self.reset.next = !self.ap_rst_n.val();
        self.control.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.empty.next = self.reset.val() || self.sequencer.flush.val() || self.sequencer.prepare.val();
        self.params.reset.next = self.empty.val();
        self.exp_avg.reset.next = self.empty.val();
        self.exp_avg_sq.reset.next = self.empty.val();
        self.grads.reset.next = self.empty.val();
        self.half.reset.next = self.empty.val();
        self.gate.reset.next = self.empty.val();

        AxiLite::link(&mut self.s_axi_control, &mut self.control.bus);
        AxiMaster::link(&mut self.m_axi_gmem0, &mut self.params.axi);
        AxiMaster::link(&mut self.m_axi_gmem1, &mut self.exp_avg.axi);
        AxiMaster::link(&mut self.m_axi_gmem2, &mut self.exp_avg_sq.axi);
        comment!("Gradients are read and the half copy is written through one master.");
        self.m_axi_gmem3.arvalid.next = self.grads.axi.arvalid.val();
        self.grads.axi.arready.next = self.m_axi_gmem3.arready.val();
        self.m_axi_gmem3.araddr.next = self.grads.axi.araddr.val();
        self.m_axi_gmem3.arlen.next = self.grads.axi.arlen.val();
        self.m_axi_gmem3.arsize.next = self.grads.axi.arsize.val();
        self.m_axi_gmem3.arburst.next = self.grads.axi.arburst.val();
        self.grads.axi.rvalid.next = self.m_axi_gmem3.rvalid.val();
        self.m_axi_gmem3.rready.next = self.grads.axi.rready.val();
        self.grads.axi.rdata.next = self.m_axi_gmem3.rdata.val();
        self.grads.axi.rresp.next = self.m_axi_gmem3.rresp.val();
        self.grads.axi.rlast.next = self.m_axi_gmem3.rlast.val();
        self.m_axi_gmem3.awvalid.next = self.half.axi.awvalid.val();
        self.half.axi.awready.next = self.m_axi_gmem3.awready.val();
        self.m_axi_gmem3.awaddr.next = self.half.axi.awaddr.val();
        self.m_axi_gmem3.awlen.next = self.half.axi.awlen.val();
        self.m_axi_gmem3.awsize.next = self.half.axi.awsize.val();
        self.m_axi_gmem3.awburst.next = self.half.axi.awburst.val();
        self.m_axi_gmem3.wvalid.next = self.half.axi.wvalid.val();
        self.half.axi.wready.next = self.m_axi_gmem3.wready.val();
        self.m_axi_gmem3.wdata.next = self.half.axi.wdata.val();
        self.m_axi_gmem3.wstrb.next = self.half.axi.wstrb.val();
        self.m_axi_gmem3.wlast.next = self.half.axi.wlast.val();
        self.half.axi.bvalid.next = self.m_axi_gmem3.bvalid.val();
        self.m_axi_gmem3.bready.next = self.half.axi.bready.val();
        self.half.axi.bresp.next = self.m_axi_gmem3.bresp.val();
        self.interrupt.next = self.control.request.val();

        for half in 0..2 {
            self.params_at.x[half].next = self.control.argument[PARAMS + half].val();
            self.exp_avg_at.x[half].next = self.control.argument[EXP_AVG + half].val();
            self.exp_avg_sq_at.x[half].next = self.control.argument[EXP_AVG_SQ + half].val();
            self.grads_at.x[half].next = self.control.argument[GRADS + half].val();
            self.half_at.x[half].next = self.control.argument[HALF + half].val();
        }
        self.params.address.next = self.params_at.packed.val();
        self.exp_avg.address.next = self.exp_avg_at.packed.val();
        self.exp_avg_sq.address.next = self.exp_avg_sq_at.packed.val();
        self.grads.address.next = self.grads_at.packed.val();
        self.params.elements.next = self.control.argument[ELEMENTS].val();
        self.exp_avg.elements.next = self.control.argument[ELEMENTS].val();
        self.exp_avg_sq.elements.next = self.control.argument[ELEMENTS].val();
        self.half.address.next = self.half_at.packed.val();
        self.grads.elements.next = self.control.argument[ELEMENTS].val();
        self.grads.format.next = self.control.argument[GRAD_FORMAT].val();
        self.grads.stream_bytes.next = self.control.argument[GRAD_BYTES].val();
        self.half.elements.next = self.control.argument[ELEMENTS].val();

        self.check.alignment[0].next = self.params_at.packed.val().get_bits::<6>(0);
        self.check.alignment[1].next = self.exp_avg_at.packed.val().get_bits::<6>(0);
        self.check.alignment[2].next = self.exp_avg_sq_at.packed.val().get_bits::<6>(0);
        self.check.alignment[3].next = self.grads_at.packed.val().get_bits::<6>(0);
        self.check.alignment[4].next = self.half_at.packed.val().get_bits::<6>(0);
        self.check.stream_alignment.next = self.control.argument[GRAD_BYTES].val().get_bits::<6>(0);
        self.check.elements.next = self.control.argument[ELEMENTS].val();
        self.check.flags.next = self.control.argument[FLAGS].val();
        self.check.grad_format.next = self.control.argument[GRAD_FORMAT].val();
        self.check.half_format.next = self.control.argument[HALF_FORMAT].val();
        self.check.optimizer.next = self.control.argument[OPTIMIZER].val();
        self.mode.optimizer.next = self.control.argument[OPTIMIZER].val();
        self.mode.flags.next = self.control.argument[FLAGS].val();
        self.mode.half_format.next = self.control.argument[HALF_FORMAT].val();
        self.half.used.next = self.mode.has_half.val();
        self.half.bf16.next = self.mode.half_bf16.val();
        self.params.used.next = true;
        self.exp_avg.used.next = self.mode.has_first.val();
        self.exp_avg_sq.used.next = self.mode.has_second.val();
        self.gate.used[0].next = true;
        self.gate.used[1].next = self.mode.has_first.val();
        self.gate.used[2].next = self.mode.has_second.val();
        self.gate.used[3].next = self.mode.has_half.val();
        self.sequencer.refused.next = self.check.refused.val();
        self.sequencer.refused_id.next = self.check.id.val();
        self.sequencer.start.next = self.control.start.val();
        self.control.done.next = self.sequencer.done.val();
        self.control.idle.next = self.sequencer.idle.val();
        self.control.error_code.next = self.sequencer.error_code.val();
        self.control.error_port.next = self.sequencer.error_port.val();
        self.control.error_address.next = self.sequencer.error_address.val();
        self.control.cycles.next = self.sequencer.cycles.val();
        self.params.start.next = self.sequencer.launch.val();
        self.exp_avg.start.next = self.sequencer.launch.val();
        self.exp_avg_sq.start.next = self.sequencer.launch.val();
        self.grads.start.next = self.sequencer.launch.val();
        self.half.start.next = self.sequencer.launch.val();
        self.ledger.start.next = self.sequencer.launch.val();
        self.params.stop.next = self.sequencer.stop.val();
        self.exp_avg.stop.next = self.sequencer.stop.val();
        self.exp_avg_sq.stop.next = self.sequencer.stop.val();
        self.grads.stop.next = self.sequencer.stop.val();
        self.half.stop.next = self.sequencer.stop.val();
        self.sequencer.pending.next = self.ledger.pending.val() || self.grads.pending.val() || self.half.pending.val();
        self.sequencer.malformed.next = self.grads.malformed.val();
        self.sequencer.fault.next = bit_cast::<32, 3>(self.grads.fault.val());
        self.sequencer.fault_chunk.next = bit_cast::<32, 9>(self.grads.fault_chunk.val());

        comment!("Streams in the order of the register space: four read, four written.");
        for i in 0..2 {
            self.control.used[4 * i].next = true;
            self.control.used[4 * i + 1].next = self.mode.has_first.val();
            self.control.used[4 * i + 2].next = self.mode.has_second.val();
            self.sequencer.busy[4 * i].next = self.params.busy[i].val();
            self.sequencer.failed[4 * i].next = self.params.failed[i].val();
            self.sequencer.failed_address[4 * i].next = self.params.failed_address[i].val();
            self.control.beats[4 * i].next = self.params.beats[i].val();
            self.control.stalls[4 * i].next = self.params.stalls[i].val();
            self.sequencer.busy[4 * i + 1].next = self.exp_avg.busy[i].val();
            self.sequencer.failed[4 * i + 1].next = self.exp_avg.failed[i].val();
            self.sequencer.failed_address[4 * i + 1].next = self.exp_avg.failed_address[i].val();
            self.control.beats[4 * i + 1].next = self.exp_avg.beats[i].val();
            self.control.stalls[4 * i + 1].next = self.exp_avg.stalls[i].val();
            self.sequencer.busy[4 * i + 2].next = self.exp_avg_sq.busy[i].val();
            self.sequencer.failed[4 * i + 2].next = self.exp_avg_sq.failed[i].val();
            self.sequencer.failed_address[4 * i + 2].next = self.exp_avg_sq.failed_address[i].val();
            self.control.beats[4 * i + 2].next = self.exp_avg_sq.beats[i].val();
            self.control.stalls[4 * i + 2].next = self.exp_avg_sq.stalls[i].val();
        }
        self.control.used[3].next = true;
        self.control.used[7].next = self.mode.has_half.val();
        self.sequencer.busy[3].next = self.grads.busy.val();
        self.sequencer.failed[3].next = self.grads.failed.val();
        self.sequencer.failed_address[3].next = self.grads.failed_address.val();
        self.control.beats[3].next = self.grads.beats.val();
        self.control.stalls[3].next = self.grads.stalls.val();
        self.sequencer.busy[7].next = self.half.busy.val();
        self.sequencer.failed[7].next = self.half.failed.val();
        self.sequencer.failed_address[7].next = self.half.failed_address.val();
        self.control.beats[7].next = self.half.beats.val();
        self.control.stalls[7].next = self.half.stalls.val();
        for i in 0..3 {
            self.control.sum_a[i].next = self.ledger.a[i].val();
            self.control.sum_b[i].next = self.ledger.b[i].val();
            self.control.sum_a[i + 4].next = self.ledger.a[i + 3].val();
            self.control.sum_b[i + 4].next = self.ledger.b[i + 3].val();
        }
        self.control.sum_a[3].next = self.grads.sum_a.val();
        self.control.sum_b[3].next = self.grads.sum_b.val();
        self.control.sum_a[7].next = self.half.sum_a.val();
        self.control.sum_b[7].next = self.half.sum_b.val();
        self.control.nonfinite.next = self.ledger.nonfinite.val();

        self.join.s_valid[0].next = self.params.m.valid.val();
        self.join.s_valid[1].next = self.exp_avg.m.valid.val() || !self.mode.has_first.val();
        self.join.s_valid[2].next = self.exp_avg_sq.m.valid.val() || !self.mode.has_second.val();
        self.join.s_valid[3].next = self.grads.m.valid.val();
        self.params.m.ready.next = self.join.s_ready[0].val();
        self.exp_avg.m.ready.next = self.join.s_ready[1].val();
        self.exp_avg_sq.m.ready.next = self.join.s_ready[2].val();
        self.grads.m.ready.next = self.join.s_ready[3].val();
        self.gate.s_valid.next = self.join.m_valid.val();
        self.join.m_ready.next = self.gate.s_ready.val();
        self.gate.freed[0].next = self.params.freed.val();
        self.gate.freed[1].next = self.exp_avg.freed.val();
        self.gate.freed[2].next = self.exp_avg_sq.freed.val();
        self.gate.freed[3].next = self.half.freed.val();
        self.ledger.elements.next = self.control.argument[ELEMENTS].val();
        self.ledger.enter.next = self.gate.enter.val();
        self.ledger.old[0].next = self.params.m.data.val();
        self.ledger.old[1].next = self.exp_avg.m.data.val();
        self.ledger.old[2].next = self.exp_avg_sq.m.data.val();
        self.ledger.grads.next = self.grads.m.data.val();
        self.ledger.new[0].next = self.lanes.p_new.val();
        self.ledger.new[1].next = self.lanes.m_new.val();
        self.ledger.new[2].next = self.lanes.v_new.val();
        self.lanes.enter.next = self.gate.enter.val();
        self.lanes.p.next = self.params.m.data.val();
        self.lanes.m.next = self.exp_avg.m.data.val();
        self.lanes.v.next = self.exp_avg_sq.m.data.val();
        self.lanes.g.next = self.grads.m.data.val();
        self.lanes.grad_scale.next = self.control.argument[GRAD_SCALE].val();
        self.lanes.beta1.next = self.control.argument[BETA1].val();
        self.lanes.c1.next = self.control.argument[C1].val();
        self.lanes.beta2.next = self.control.argument[BETA2].val();
        self.lanes.c2.next = self.control.argument[C2].val();
        self.lanes.bias2.next = self.control.argument[BIAS2].val();
        self.lanes.eps.next = self.control.argument[EPS].val();
        self.lanes.step_size.next = self.control.argument[STEP_SIZE].val();
        self.lanes.decay.next = self.control.argument[DECAY].val();
        self.lanes.penalty.next = self.mode.penalty.val();
        self.lanes.decoupled.next = self.mode.decoupled.val();
        self.lanes.adagrad.next = self.mode.adagrad.val();
        self.lanes.lion.next = self.mode.lion.val();
        self.lanes.straight.next = self.mode.straight.val();
        self.lanes.buffer.next = self.mode.buffer.val();
        self.lanes.first.next = self.mode.first.val();
        self.lanes.nesterov.next = self.mode.nesterov.val();
        self.params.new_valid.next = self.lanes.valid.val();
        self.exp_avg.new_valid.next = self.lanes.valid.val();
        self.exp_avg_sq.new_valid.next = self.lanes.valid.val();
        self.params.new_data.next = self.lanes.p_new.val();
        self.exp_avg.new_data.next = self.lanes.m_new.val();
        self.exp_avg_sq.new_data.next = self.lanes.v_new.val();
        self.half.new_valid.next = self.lanes.valid.val();
        self.half.new_data.next = self.lanes.p_new.val();
    }
    unit!(
        "smartupdate", LANES;
        PARAMS, EXP_AVG, EXP_AVG_SQ, GRADS, HALF, ELEMENTS, FLAGS, OPTIMIZER, GRAD_FORMAT, GRAD_BYTES, HALF_FORMAT,
        GRAD_SCALE, BETA1, C1, BETA2, C2, BIAS2, EPS, STEP_SIZE, DECAY
    );
}
