use super::super::{ArgumentCheck, Gate, HalfCopy, Ledger, Mode, Tensor};
use super::SingleLanes;
use crate::axi::{AxiLite, AxiMaster, Control};
use crate::kernel::{Gradients, Sequencer, DEPTH};
use crate::prelude::*;
use crate::stream::Join;
use nearfield_abi::kernel::smartupdate::{self as abi, Optimizer};
use nearfield_abi::kernel::KernelConfig;

/// A scalar's word among those of the scalars, which follow the pointers.
const ELEMENTS: usize = 0;
const FLAGS: usize = abi::FLAGS - abi::ELEMENTS;
const OPTIMIZER: usize = abi::OPTIMIZER - abi::ELEMENTS;
const GRAD_FORMAT: usize = abi::GRAD_FORMAT - abi::ELEMENTS;
const GRAD_BYTES: usize = abi::GRAD_BYTES - abi::ELEMENTS;
const HALF_FORMAT: usize = abi::HALF_FORMAT - abi::ELEMENTS;
const GRAD_SCALE: usize = abi::GRAD_SCALE - abi::ELEMENTS;
const BETA1: usize = abi::BETA1 - abi::ELEMENTS;
const C1: usize = abi::C1 - abi::ELEMENTS;
const BETA2: usize = abi::BETA2 - abi::ELEMENTS;
const C2: usize = abi::C2 - abi::ELEMENTS;
const BIAS2: usize = abi::BIAS2 - abi::ELEMENTS;
const EPS: usize = abi::EPS - abi::ELEMENTS;
const STEP_SIZE: usize = abi::STEP_SIZE - abi::ELEMENTS;
const DECAY: usize = abi::DECAY - abi::ELEMENTS;

/// All of a kernel but the names of its pins, wiring only.
///
/// `TENSORS` are the parameters and the states, which are read and written; `MASTERS` is one more, for the gradients and the half copy;
/// there are `MASTERS + 1` pointers, and `STREAMS = 2 * MASTERS`. The other parameters are those of [`super::super::SmartUpdate`].
#[derive(Clone, Debug, LogicBlock)]
pub struct Core<
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
    const TENSORS: usize,
    const MASTERS: usize,
    const STREAMS: usize,
    const ARGUMENTS: usize,
    const WORDS: usize,
> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to the beginning.
    pub reset: Signal<In, Bit>,
    /// To the host.
    pub request: Signal<Out, Bit>,
    /// Registers.
    pub bus: AxiLite,
    /// Parameters, states, gradients.
    pub axi: [AxiMaster; MASTERS],
    control: Control<ARGUMENTS, STREAMS, 0, WORDS>,
    check: ArgumentCheck,
    mode: Mode,
    sequencer: Sequencer<STREAMS>,
    tensor: Vec<Tensor<W, N, K>>,
    grads: Gradients<LANES, W, K, HK, D, P, H>,
    half: HalfCopy<LANES, W, H, N, K>,
    join: Join<MASTERS>,
    gate: Gate<MASTERS, K, HK, 10, DEPTH>,
    lanes: SingleLanes<LANES, W>,
    ledger: Ledger<W, D, NH, T, S, SN, SB, NODES, LEVELS, ST>,
    code: Constant<Bits<32>>,
    empty: Signal<Local, Bit>,
    /// Which buffers take part: parameters, states, half copy.
    used: [Signal<Local, Bit>; MASTERS],
    at: Vec<Pack<2, 32, 64>>,
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
        const TENSORS: usize,
        const MASTERS: usize,
        const STREAMS: usize,
        const ARGUMENTS: usize,
        const WORDS: usize,
    >
    Core<LANES, W, N, K, HK, D, P, H, NH, T, S, SN, SB, NODES, LEVELS, ST, TENSORS, MASTERS, STREAMS, ARGUMENTS, WORDS>
{
    /// The inside of the kernel for this optimizer.
    ///
    /// # Panics
    ///
    /// The widths do not belong to the configuration.
    pub fn new(config: &KernelConfig, one: Optimizer) -> Self {
        assert_eq!(LANES, config.lanes as usize, "lanes of {}", config.name());
        assert!(W == 32 * LANES && N * W == 512 && N == 1 << K, "widths of {}", config.name());
        assert!(TENSORS == 1 + one.states().len() && MASTERS == TENSORS + 1, "tensors of {}", config.name());
        assert_eq!(MASTERS, config.masters().len(), "masters of {}", config.name());
        Core {
            clock: Signal::default(),
            reset: Signal::default(),
            request: Signal::default(),
            bus: AxiLite::default(),
            axi: std::array::from_fn(|_| AxiMaster::default()),
            control: Control::new(config),
            check: ArgumentCheck::new(config),
            mode: Mode::default(),
            sequencer: Sequencer::new(config),
            tensor: (0..TENSORS).map(|_| Tensor::default()).collect(),
            grads: Gradients::default(),
            half: HalfCopy::default(),
            join: Join::default(),
            gate: Gate::default(),
            lanes: SingleLanes::new(one),
            ledger: Ledger::default(),
            code: Constant::new(u64::from(one.code()).into()),
            empty: Signal::default(),
            used: std::array::from_fn(|_| Signal::default()),
            at: (0..=MASTERS).map(|_| Pack::default()).collect(),
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
        const TENSORS: usize,
        const MASTERS: usize,
        const STREAMS: usize,
        const ARGUMENTS: usize,
        const WORDS: usize,
    > Logic
    for Core<
        LANES,
        W,
        N,
        K,
        HK,
        D,
        P,
        H,
        NH,
        T,
        S,
        SN,
        SB,
        NODES,
        LEVELS,
        ST,
        TENSORS,
        MASTERS,
        STREAMS,
        ARGUMENTS,
        WORDS,
    >
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, control, check, mode, sequencer, grads, half, gate, lanes, ledger);
        self.control.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.empty.next = self.reset.val() || self.sequencer.flush.val() || self.sequencer.prepare.val();
        self.grads.reset.next = self.empty.val();
        self.half.reset.next = self.empty.val();
        self.gate.reset.next = self.empty.val();
        AxiLite::link(&mut self.bus, &mut self.control.bus);
        self.request.next = self.control.request.val();

        comment!("Pointers in the order of the tensors, then the half copy's.");
        for t in 0..TENSORS {
            for word in 0..2 {
                self.at[t].x[word].next = self.control.argument[2 * t + word].val();
            }
            self.check.alignment[t].next = self.at[t].packed.val().get_bits::<6>(0);
        }
        for word in 0..2 {
            self.at[TENSORS].x[word].next = self.control.argument[2 * TENSORS + word].val();
            self.at[TENSORS + 1].x[word].next = self.control.argument[2 * TENSORS + 2 + word].val();
        }
        self.check.alignment[TENSORS].next = self.at[TENSORS].packed.val().get_bits::<6>(0);
        self.check.alignment[TENSORS + 1].next = self.at[TENSORS + 1].packed.val().get_bits::<6>(0);
        for pointer in MASTERS..4 {
            self.check.alignment[pointer + 1].next = 0.into();
        }
        self.check.stream_alignment.next = self.control.argument[2 * MASTERS + 2 + GRAD_BYTES].val().get_bits::<6>(0);
        self.check.elements.next = self.control.argument[2 * MASTERS + 2 + ELEMENTS].val();
        self.check.flags.next = self.control.argument[2 * MASTERS + 2 + FLAGS].val();
        self.check.grad_format.next = self.control.argument[2 * MASTERS + 2 + GRAD_FORMAT].val();
        self.check.half_format.next = self.control.argument[2 * MASTERS + 2 + HALF_FORMAT].val();
        comment!("Counted from this kernel's own, which is the only one.");
        self.check.optimizer.next = self.control.argument[2 * MASTERS + 2 + OPTIMIZER].val() - self.code.val();
        self.sequencer.refused.next = self.check.refused.val();
        self.sequencer.refused_id.next = self.check.id.val();
        self.mode.optimizer.next = self.code.val();
        self.mode.flags.next = self.control.argument[2 * MASTERS + 2 + FLAGS].val();
        self.mode.half_format.next = self.control.argument[2 * MASTERS + 2 + HALF_FORMAT].val();

        comment!("Of one state it does not matter which moment it is.");
        self.used[0].next = true;
        self.used[1].next = self.mode.has_first.val() || self.mode.has_second.val();
        for state in 2..TENSORS {
            self.used[state].next = self.mode.has_second.val();
        }
        self.used[TENSORS].next = self.mode.has_half.val();
        self.half.used.next = self.mode.has_half.val();
        self.half.bf16.next = self.mode.half_bf16.val();
        for t in 0..MASTERS {
            self.gate.used[t].next = self.used[t].val();
        }

        self.sequencer.start.next = self.control.start.val();
        self.control.done.next = self.sequencer.done.val();
        self.control.idle.next = self.sequencer.idle.val();
        self.control.error_code.next = self.sequencer.error_code.val();
        self.control.error_port.next = self.sequencer.error_port.val();
        self.control.error_address.next = self.sequencer.error_address.val();
        self.control.cycles.next = self.sequencer.cycles.val();
        self.control.nonfinite.next = self.ledger.nonfinite.val();
        self.sequencer.pending.next = self.ledger.pending.val() || self.grads.pending.val() || self.half.pending.val();
        self.sequencer.malformed.next = self.grads.malformed.val();
        self.sequencer.fault.next = bit_cast::<32, 3>(self.grads.fault.val());
        self.sequencer.fault_chunk.next = bit_cast::<32, 9>(self.grads.fault_chunk.val());
        self.ledger.start.next = self.sequencer.launch.val();
        self.ledger.elements.next = self.control.argument[2 * MASTERS + 2 + ELEMENTS].val();
        self.ledger.enter.next = self.gate.enter.val();
        self.ledger.grads.next = self.grads.m.data.val();
        self.lanes.enter.next = self.gate.enter.val();

        comment!("Parameters and states. Streams stand in the order of the register space: those that are read, those that are written.");
        for t in 0..TENSORS {
            self.tensor[t].clock.next = self.clock.val();
            self.tensor[t].reset.next = self.empty.val();
            AxiMaster::link(&mut self.axi[t], &mut self.tensor[t].axi);
            self.tensor[t].used.next = self.used[t].val();
            self.tensor[t].start.next = self.sequencer.launch.val();
            self.tensor[t].stop.next = self.sequencer.stop.val();
            self.tensor[t].address.next = self.at[t].packed.val();
            self.tensor[t].elements.next = self.control.argument[2 * MASTERS + 2 + ELEMENTS].val();
            self.join.s_valid[t].next = self.tensor[t].m.valid.val() || !self.used[t].val();
            self.tensor[t].m.ready.next = self.join.s_ready[t].val();
            self.tensor[t].new_valid.next = self.lanes.valid.val();
            self.gate.freed[t].next = self.tensor[t].freed.val();
            self.ledger.old[t].next = self.tensor[t].m.data.val();
            for i in 0..2 {
                self.control.used[MASTERS * i + t].next = self.used[t].val();
                self.sequencer.busy[MASTERS * i + t].next = self.tensor[t].busy[i].val();
                self.sequencer.failed[MASTERS * i + t].next = self.tensor[t].failed[i].val();
                self.sequencer.failed_address[MASTERS * i + t].next = self.tensor[t].failed_address[i].val();
                self.control.beats[MASTERS * i + t].next = self.tensor[t].beats[i].val();
                self.control.stalls[MASTERS * i + t].next = self.tensor[t].stalls[i].val();
                self.control.sum_a[MASTERS * i + t].next = self.ledger.a[3 * i + t].val();
                self.control.sum_b[MASTERS * i + t].next = self.ledger.b[3 * i + t].val();
            }
        }
        self.lanes.p.next = self.tensor[0].m.data.val();
        self.tensor[0].new_data.next = self.lanes.p_new.val();
        self.ledger.new[0].next = self.lanes.p_new.val();
        for t in 1..TENSORS {
            self.lanes.state[t - 1].next = self.tensor[t].m.data.val();
            self.tensor[t].new_data.next = self.lanes.state_new[t - 1].val();
            self.ledger.new[t].next = self.lanes.state_new[t - 1].val();
        }
        for t in TENSORS..3 {
            self.lanes.state[t - 1].next = 0.into();
            self.ledger.old[t].next = 0.into();
            self.ledger.new[t].next = 0.into();
        }

        comment!("Gradients are read and the half copy is written through one master.");
        self.axi[TENSORS].arvalid.next = self.grads.axi.arvalid.val();
        self.grads.axi.arready.next = self.axi[TENSORS].arready.val();
        self.axi[TENSORS].araddr.next = self.grads.axi.araddr.val();
        self.axi[TENSORS].arlen.next = self.grads.axi.arlen.val();
        self.axi[TENSORS].arsize.next = self.grads.axi.arsize.val();
        self.axi[TENSORS].arburst.next = self.grads.axi.arburst.val();
        self.grads.axi.rvalid.next = self.axi[TENSORS].rvalid.val();
        self.axi[TENSORS].rready.next = self.grads.axi.rready.val();
        self.grads.axi.rdata.next = self.axi[TENSORS].rdata.val();
        self.grads.axi.rresp.next = self.axi[TENSORS].rresp.val();
        self.grads.axi.rlast.next = self.axi[TENSORS].rlast.val();
        self.axi[TENSORS].awvalid.next = self.half.axi.awvalid.val();
        self.half.axi.awready.next = self.axi[TENSORS].awready.val();
        self.axi[TENSORS].awaddr.next = self.half.axi.awaddr.val();
        self.axi[TENSORS].awlen.next = self.half.axi.awlen.val();
        self.axi[TENSORS].awsize.next = self.half.axi.awsize.val();
        self.axi[TENSORS].awburst.next = self.half.axi.awburst.val();
        self.axi[TENSORS].wvalid.next = self.half.axi.wvalid.val();
        self.half.axi.wready.next = self.axi[TENSORS].wready.val();
        self.axi[TENSORS].wdata.next = self.half.axi.wdata.val();
        self.axi[TENSORS].wstrb.next = self.half.axi.wstrb.val();
        self.axi[TENSORS].wlast.next = self.half.axi.wlast.val();
        self.half.axi.bvalid.next = self.axi[TENSORS].bvalid.val();
        self.axi[TENSORS].bready.next = self.half.axi.bready.val();
        self.half.axi.bresp.next = self.axi[TENSORS].bresp.val();
        self.grads.start.next = self.sequencer.launch.val();
        self.grads.stop.next = self.sequencer.stop.val();
        self.grads.address.next = self.at[TENSORS].packed.val();
        self.grads.elements.next = self.control.argument[2 * MASTERS + 2 + ELEMENTS].val();
        self.grads.format.next = self.control.argument[2 * MASTERS + 2 + GRAD_FORMAT].val();
        self.grads.stream_bytes.next = self.control.argument[2 * MASTERS + 2 + GRAD_BYTES].val();
        self.join.s_valid[TENSORS].next = self.grads.m.valid.val();
        self.grads.m.ready.next = self.join.s_ready[TENSORS].val();
        self.sequencer.busy[TENSORS].next = self.grads.busy.val();
        self.sequencer.failed[TENSORS].next = self.grads.failed.val();
        self.sequencer.failed_address[TENSORS].next = self.grads.failed_address.val();
        self.control.used[TENSORS].next = true;
        self.control.beats[TENSORS].next = self.grads.beats.val();
        self.control.stalls[TENSORS].next = self.grads.stalls.val();
        self.control.sum_a[TENSORS].next = self.grads.sum_a.val();
        self.control.sum_b[TENSORS].next = self.grads.sum_b.val();
        self.half.start.next = self.sequencer.launch.val();
        self.half.stop.next = self.sequencer.stop.val();
        self.half.address.next = self.at[TENSORS + 1].packed.val();
        self.half.elements.next = self.control.argument[2 * MASTERS + 2 + ELEMENTS].val();
        self.half.new_valid.next = self.lanes.valid.val();
        self.half.new_data.next = self.lanes.p_new.val();
        self.gate.freed[TENSORS].next = self.half.freed.val();
        self.sequencer.busy[MASTERS + TENSORS].next = self.half.busy.val();
        self.sequencer.failed[MASTERS + TENSORS].next = self.half.failed.val();
        self.sequencer.failed_address[MASTERS + TENSORS].next = self.half.failed_address.val();
        self.control.used[MASTERS + TENSORS].next = self.mode.has_half.val();
        self.control.beats[MASTERS + TENSORS].next = self.half.beats.val();
        self.control.stalls[MASTERS + TENSORS].next = self.half.stalls.val();
        self.control.sum_a[MASTERS + TENSORS].next = self.half.sum_a.val();
        self.control.sum_b[MASTERS + TENSORS].next = self.half.sum_b.val();

        self.gate.s_valid.next = self.join.m_valid.val();
        self.join.m_ready.next = self.gate.s_ready.val();
        self.lanes.g.next = self.grads.m.data.val();
        self.lanes.grad_scale.next = self.control.argument[2 * MASTERS + 2 + GRAD_SCALE].val();
        self.lanes.beta1.next = self.control.argument[2 * MASTERS + 2 + BETA1].val();
        self.lanes.c1.next = self.control.argument[2 * MASTERS + 2 + C1].val();
        self.lanes.beta2.next = self.control.argument[2 * MASTERS + 2 + BETA2].val();
        self.lanes.c2.next = self.control.argument[2 * MASTERS + 2 + C2].val();
        self.lanes.bias2.next = self.control.argument[2 * MASTERS + 2 + BIAS2].val();
        self.lanes.eps.next = self.control.argument[2 * MASTERS + 2 + EPS].val();
        self.lanes.step_size.next = self.control.argument[2 * MASTERS + 2 + STEP_SIZE].val();
        self.lanes.decay.next = self.control.argument[2 * MASTERS + 2 + DECAY].val();
        self.lanes.penalty.next = self.mode.penalty.val();
        self.lanes.decoupled.next = self.mode.decoupled.val();
        self.lanes.buffer.next = self.mode.buffer.val();
        self.lanes.first.next = self.mode.first.val();
        self.lanes.nesterov.next = self.mode.nesterov.val();
    }
    unit!(
        "core", LANES;
        TENSORS, MASTERS, ELEMENTS, FLAGS, OPTIMIZER, GRAD_FORMAT, GRAD_BYTES, HALF_FORMAT, GRAD_SCALE, BETA1, C1, BETA2, C2,
        BIAS2, EPS, STEP_SIZE, DECAY
    );
}
