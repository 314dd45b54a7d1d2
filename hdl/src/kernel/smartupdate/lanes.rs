use crate::optimizer::AnyLane;
use crate::prelude::*;

/// Cycles through a lane, as a constant that a type can name.
const LATENCY: usize = AnyLane::LATENCY;

/// `LANES` optimizer lanes side by side on words of `W = 32 * LANES` bits, with the pulse that goes along.
///
/// Free-running: one group a cycle in, and `LATENCY` cycles later out, whether anyone takes it or not. `valid` has no
/// reset: hold `enter` at 0 for `LATENCY` cycles to empty it.
#[derive(Clone, Debug, LogicBlock)]
pub struct Lanes<const LANES: usize, const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A group enters.
    pub enter: Signal<In, Bit>,
    /// Parameters.
    pub p: Signal<In, Bits<W>>,
    /// First moments.
    pub m: Signal<In, Bits<W>>,
    /// Second moments.
    pub v: Signal<In, Bits<W>>,
    /// Gradients.
    pub g: Signal<In, Bits<W>>,
    /// What gradients are multiplied by; this and the others are stable during a run.
    pub grad_scale: Signal<In, Bits<32>>,
    /// beta1.
    pub beta1: Signal<In, Bits<32>>,
    /// 1 - beta1.
    pub c1: Signal<In, Bits<32>>,
    /// beta2.
    pub beta2: Signal<In, Bits<32>>,
    /// 1 - beta2.
    pub c2: Signal<In, Bits<32>>,
    /// 1 / sqrt(1 - beta2^t).
    pub bias2: Signal<In, Bits<32>>,
    /// eps.
    pub eps: Signal<In, Bits<32>>,
    /// -lr / (1 - beta1^t).
    pub step_size: Signal<In, Bits<32>>,
    /// See [`AnyLane::decay`], and so on.
    pub decay: Signal<In, Bits<32>>,
    /// Decay in the gradient.
    pub penalty: Signal<In, Bit>,
    /// Decay of the parameter.
    pub decoupled: Signal<In, Bit>,
    /// Adagrad.
    pub adagrad: Signal<In, Bit>,
    /// Lion.
    pub lion: Signal<In, Bit>,
    /// SGD.
    pub straight: Signal<In, Bit>,
    /// SGD with momentum.
    pub buffer: Signal<In, Bit>,
    /// Its first step.
    pub first: Signal<In, Bit>,
    /// With Nesterov's step.
    pub nesterov: Signal<In, Bit>,
    /// A group leaves.
    pub valid: Signal<Out, Bit>,
    /// New parameters.
    pub p_new: Signal<Out, Bits<W>>,
    /// New first moments.
    pub m_new: Signal<Out, Bits<W>>,
    /// New second moments.
    pub v_new: Signal<Out, Bits<W>>,
    /// On the heap: a lane's description is some hundred kilobytes.
    lane: Vec<AnyLane>,
    p_pack: Pack<LANES, 32, W>,
    m_pack: Pack<LANES, 32, W>,
    v_pack: Pack<LANES, 32, W>,
    along: Delay<1, LATENCY>,
}

impl<const LANES: usize, const W: usize> Default for Lanes<LANES, W> {
    fn default() -> Self {
        Lanes {
            clock: Signal::default(),
            enter: Signal::default(),
            p: Signal::default(),
            m: Signal::default(),
            v: Signal::default(),
            g: Signal::default(),
            grad_scale: Signal::default(),
            beta1: Signal::default(),
            c1: Signal::default(),
            beta2: Signal::default(),
            c2: Signal::default(),
            bias2: Signal::default(),
            eps: Signal::default(),
            step_size: Signal::default(),
            decay: Signal::default(),
            penalty: Signal::default(),
            decoupled: Signal::default(),
            adagrad: Signal::default(),
            lion: Signal::default(),
            straight: Signal::default(),
            buffer: Signal::default(),
            first: Signal::default(),
            nesterov: Signal::default(),
            valid: Signal::default(),
            p_new: Signal::default(),
            m_new: Signal::default(),
            v_new: Signal::default(),
            lane: (0..LANES).map(|_| AnyLane::default()).collect(),
            p_pack: Pack::default(),
            m_pack: Pack::default(),
            v_pack: Pack::default(),
            along: Delay::default(),
        }
    }
}

impl<const LANES: usize, const W: usize> Logic for Lanes<LANES, W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, along);
        for i in 0..LANES {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].p.next = self.p.val().get_bits::<32>(32 * i);
            self.lane[i].m.next = self.m.val().get_bits::<32>(32 * i);
            self.lane[i].v.next = self.v.val().get_bits::<32>(32 * i);
            self.lane[i].g.next = self.g.val().get_bits::<32>(32 * i);
            self.lane[i].grad_scale.next = self.grad_scale.val();
            self.lane[i].beta1.next = self.beta1.val();
            self.lane[i].c1.next = self.c1.val();
            self.lane[i].beta2.next = self.beta2.val();
            self.lane[i].c2.next = self.c2.val();
            self.lane[i].bias2.next = self.bias2.val();
            self.lane[i].eps.next = self.eps.val();
            self.lane[i].step_size.next = self.step_size.val();
            self.lane[i].decay.next = self.decay.val();
            self.lane[i].penalty.next = self.penalty.val();
            self.lane[i].decoupled.next = self.decoupled.val();
            self.lane[i].adagrad.next = self.adagrad.val();
            self.lane[i].lion.next = self.lion.val();
            self.lane[i].straight.next = self.straight.val();
            self.lane[i].buffer.next = self.buffer.val();
            self.lane[i].first.next = self.first.val();
            self.lane[i].nesterov.next = self.nesterov.val();
            self.p_pack.x[i].next = self.lane[i].p_new.val();
            self.m_pack.x[i].next = self.lane[i].m_new.val();
            self.v_pack.x[i].next = self.lane[i].v_new.val();
        }
        self.p_new.next = self.p_pack.packed.val();
        self.m_new.next = self.m_pack.packed.val();
        self.v_new.next = self.v_pack.packed.val();
        self.along.d.next = self.enter.val().into();
        self.valid.next = self.along.q.val().get_bit(0);
    }
    unit!("lanes", LANES);
}
