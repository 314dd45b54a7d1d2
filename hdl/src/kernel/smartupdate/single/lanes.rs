use crate::optimizer::SingleLane;
use crate::prelude::*;
use nearfield_abi::kernel::smartupdate::Optimizer;

/// Cycles through a lane, as a constant that a type can name.
const LATENCY: usize = SingleLane::LATENCY;

/// [`super::super::Lanes`] with lanes of one optimizer.
#[derive(Clone, Debug, LogicBlock)]
pub struct SingleLanes<const LANES: usize, const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A group enters.
    pub enter: Signal<In, Bit>,
    /// Parameters.
    pub p: Signal<In, Bits<W>>,
    /// States.
    pub state: [Signal<In, Bits<W>>; 2],
    /// Gradients.
    pub g: Signal<In, Bits<W>>,
    /// See [`SingleLane::grad_scale`], and so on.
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
    /// See [`SingleLane::decay`].
    pub decay: Signal<In, Bits<32>>,
    /// Decay in the gradient.
    pub penalty: Signal<In, Bit>,
    /// Decay of the parameter.
    pub decoupled: Signal<In, Bit>,
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
    /// New states.
    pub state_new: [Signal<Out, Bits<W>>; 2],
    /// On the heap: a lane's description is some hundred kilobytes.
    lane: Vec<SingleLane>,
    p_pack: Pack<LANES, 32, W>,
    state_pack: [Pack<LANES, 32, W>; 2],
    along: Delay<1, LATENCY>,
}

impl<const LANES: usize, const W: usize> SingleLanes<LANES, W> {
    /// The lanes of this optimizer.
    pub fn new(one: Optimizer) -> Self {
        SingleLanes {
            clock: Signal::default(),
            enter: Signal::default(),
            p: Signal::default(),
            state: std::array::from_fn(|_| Signal::default()),
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
            buffer: Signal::default(),
            first: Signal::default(),
            nesterov: Signal::default(),
            valid: Signal::default(),
            p_new: Signal::default(),
            state_new: std::array::from_fn(|_| Signal::default()),
            lane: (0..LANES).map(|_| SingleLane::new(one)).collect(),
            p_pack: Pack::default(),
            state_pack: std::array::from_fn(|_| Pack::default()),
            along: Delay::default(),
        }
    }
}

impl<const LANES: usize, const W: usize> Logic for SingleLanes<LANES, W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, along);
        for i in 0..LANES {
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].p.next = self.p.val().get_bits::<32>(32 * i);
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
            self.lane[i].buffer.next = self.buffer.val();
            self.lane[i].first.next = self.first.val();
            self.lane[i].nesterov.next = self.nesterov.val();
            self.p_pack.x[i].next = self.lane[i].p_new.val();
            for s in 0..2 {
                self.lane[i].state[s].next = self.state[s].val().get_bits::<32>(32 * i);
                self.state_pack[s].x[i].next = self.lane[i].state_new[s].val();
            }
        }
        self.p_new.next = self.p_pack.packed.val();
        for s in 0..2 {
            self.state_new[s].next = self.state_pack[s].packed.val();
        }
        self.along.d.next = self.enter.val().into();
        self.valid.next = self.along.q.val().get_bit(0);
    }
    unit!("lanes", LANES);
}
