use crate::prelude::*;
use nearfield_abi::kernel::smartupdate as abi;

/// What the arguments `optimizer`, `flags` and `half_format` mean to the lanes, and which tensors there are.
///
/// The answer comes a cycle after the arguments, which hold during a run.
#[derive(Clone, Debug, LogicBlock)]
pub struct Mode {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Which optimizer.
    pub optimizer: Signal<In, Bits<32>>,
    /// Flags.
    pub flags: Signal<In, Bits<32>>,
    /// Format of the half copy.
    pub half_format: Signal<In, Bits<32>>,
    /// There is a half copy.
    pub has_half: Signal<Out, Bit>,
    /// It is in bfloat16.
    pub half_bf16: Signal<Out, Bit>,
    /// There is a first moment, an average or a momentum buffer.
    pub has_first: Signal<Out, Bit>,
    /// There is a second moment or a sum of squares.
    pub has_second: Signal<Out, Bit>,
    /// See [`crate::optimizer::AnyLane::penalty`], and so on.
    pub penalty: Signal<Out, Bit>,
    /// Decoupled decay.
    pub decoupled: Signal<Out, Bit>,
    /// Adagrad.
    pub adagrad: Signal<Out, Bit>,
    /// Lion.
    pub lion: Signal<Out, Bit>,
    /// SGD.
    pub straight: Signal<Out, Bit>,
    /// SGD with momentum.
    pub buffer: Signal<Out, Bit>,
    /// Its first step.
    pub first: Signal<Out, Bit>,
    /// With Nesterov's step.
    pub nesterov: Signal<Out, Bit>,
    adamw_code: Constant<Bits<32>>,
    adam_code: Constant<Bits<32>>,
    adagrad_code: Constant<Bits<32>>,
    lion_code: Constant<Bits<32>>,
    sgd_code: Constant<Bits<32>>,
    no_half: Constant<Bits<32>>,
    bf16_half: Constant<Bits<32>>,
    is_adamw: Signal<Local, Bit>,
    is_adam: Signal<Local, Bit>,
    is_adagrad: Signal<Local, Bit>,
    is_lion: Signal<Local, Bit>,
    is_sgd: Signal<Local, Bit>,
    decays: Signal<Local, Bit>,
    buffered: Signal<Local, Bit>,
    copies: Reg<Bit>,
    cuts: Reg<Bit>,
    first_state: Reg<Bit>,
    second_state: Reg<Bit>,
    penalises: Reg<Bit>,
    decouples: Reg<Bit>,
    sums: Reg<Bit>,
    signs: Reg<Bit>,
    follows: Reg<Bit>,
    buffers: Reg<Bit>,
    begins: Reg<Bit>,
    looks_ahead: Reg<Bit>,
}

impl Default for Mode {
    fn default() -> Self {
        let constant = |value: u32| Constant::new(u64::from(value).into());
        Mode {
            clock: Signal::default(),
            optimizer: Signal::default(),
            flags: Signal::default(),
            half_format: Signal::default(),
            has_half: Signal::default(),
            half_bf16: Signal::default(),
            has_first: Signal::default(),
            has_second: Signal::default(),
            penalty: Signal::default(),
            decoupled: Signal::default(),
            adagrad: Signal::default(),
            lion: Signal::default(),
            straight: Signal::default(),
            buffer: Signal::default(),
            first: Signal::default(),
            nesterov: Signal::default(),
            adamw_code: constant(abi::optimizer::ADAMW),
            adam_code: constant(abi::optimizer::ADAM),
            adagrad_code: constant(abi::optimizer::ADAGRAD),
            lion_code: constant(abi::optimizer::LION),
            sgd_code: constant(abi::optimizer::SGD),
            no_half: constant(abi::half_format::NONE),
            bf16_half: constant(abi::half_format::BF16),
            is_adamw: Signal::default(),
            is_adam: Signal::default(),
            is_adagrad: Signal::default(),
            is_lion: Signal::default(),
            is_sgd: Signal::default(),
            decays: Signal::default(),
            buffered: Signal::default(),
            copies: Reg::default(),
            cuts: Reg::default(),
            first_state: Reg::default(),
            second_state: Reg::default(),
            penalises: Reg::default(),
            decouples: Reg::default(),
            sums: Reg::default(),
            signs: Reg::default(),
            follows: Reg::default(),
            buffers: Reg::default(),
            begins: Reg::default(),
            looks_ahead: Reg::default(),
        }
    }
}

/// The bits of `flags`.
const WEIGHT_DECAY: usize = abi::flag::WEIGHT_DECAY.trailing_zeros() as usize;
const MOMENTUM: usize = abi::flag::MOMENTUM.trailing_zeros() as usize;
const FIRST_STEP: usize = abi::flag::FIRST_STEP.trailing_zeros() as usize;
const NESTEROV: usize = abi::flag::NESTEROV.trailing_zeros() as usize;

impl Logic for Mode {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            copies,
            cuts,
            first_state,
            second_state,
            penalises,
            decouples,
            sums,
            signs,
            follows,
            buffers,
            begins,
            looks_ahead
        );
        self.copies.d.next = self.half_format.val() != self.no_half.val();
        self.cuts.d.next = self.half_format.val() == self.bf16_half.val();
        self.has_half.next = self.copies.q.val();
        self.half_bf16.next = self.cuts.q.val();
        self.is_adamw.next = self.optimizer.val() == self.adamw_code.val();
        self.is_adam.next = self.optimizer.val() == self.adam_code.val();
        self.is_adagrad.next = self.optimizer.val() == self.adagrad_code.val();
        self.is_lion.next = self.optimizer.val() == self.lion_code.val();
        self.is_sgd.next = self.optimizer.val() == self.sgd_code.val();
        self.decays.next = self.flags.val().get_bit(WEIGHT_DECAY);
        self.buffered.next = self.is_sgd.val() && self.flags.val().get_bit(MOMENTUM);
        self.first_state.d.next =
            self.is_adamw.val() || self.is_adam.val() || self.is_lion.val() || self.buffered.val();
        self.second_state.d.next = self.is_adamw.val() || self.is_adam.val() || self.is_adagrad.val();
        self.penalises.d.next = self.decays.val() && (self.is_adam.val() || self.is_adagrad.val() || self.is_sgd.val());
        self.decouples.d.next = self.decays.val() && (self.is_adamw.val() || self.is_lion.val());
        self.sums.d.next = self.is_adagrad.val();
        self.signs.d.next = self.is_lion.val();
        self.follows.d.next = self.is_sgd.val();
        self.buffers.d.next = self.buffered.val();
        self.begins.d.next = self.buffered.val() && self.flags.val().get_bit(FIRST_STEP);
        self.looks_ahead.d.next = self.buffered.val() && self.flags.val().get_bit(NESTEROV);
        self.has_first.next = self.first_state.q.val();
        self.has_second.next = self.second_state.q.val();
        self.penalty.next = self.penalises.q.val();
        self.decoupled.next = self.decouples.q.val();
        self.adagrad.next = self.sums.q.val();
        self.lion.next = self.signs.q.val();
        self.straight.next = self.follows.q.val();
        self.buffer.next = self.buffers.q.val();
        self.first.next = self.begins.q.val();
        self.nesterov.next = self.looks_ahead.q.val();
    }
    unit!("mode"; WEIGHT_DECAY, MOMENTUM, FIRST_STEP, NESTEROV);
}
