use super::AnyLane;
use crate::prelude::*;
use nearfield_abi::kernel::smartupdate::Optimizer;

/// [`AnyLane`] for one optimizer: what would choose another is fixed, so that synthesis leaves out the units and the waiting that
/// this one has no use for. It has the latency of [`AnyLane`] and computes the same.
///
/// Flags that the optimizer does not know are of no account. States are in the order in which a step takes them; of one state the
/// second is not looked at, and what leaves as such means nothing.
#[derive(Clone, Debug, LogicBlock)]
pub struct SingleLane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Parameter.
    pub p: Signal<In, Bits<32>>,
    /// States.
    pub state: [Signal<In, Bits<32>>; 2],
    /// Gradient.
    pub g: Signal<In, Bits<32>>,
    /// See [`AnyLane::grad_scale`], and so on.
    pub grad_scale: Signal<In, Bits<32>>,
    /// beta1; SGD: momentum.
    pub beta1: Signal<In, Bits<32>>,
    /// 1 - beta1; SGD: 1 - dampening.
    pub c1: Signal<In, Bits<32>>,
    /// beta2.
    pub beta2: Signal<In, Bits<32>>,
    /// 1 - beta2.
    pub c2: Signal<In, Bits<32>>,
    /// Bias correction of the second moment's root, a factor; Adagrad: 1.
    pub bias2: Signal<In, Bits<32>>,
    /// Added to the denominator.
    pub eps: Signal<In, Bits<32>>,
    /// Learning rate, negative.
    pub step_size: Signal<In, Bits<32>>,
    /// What the optimizer's kind of weight decay multiplies by.
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
    /// The parameter after the step.
    pub p_new: Signal<Out, Bits<32>>,
    /// The states after the step.
    pub state_new: [Signal<Out, Bits<32>>; 2],
    lane: AnyLane,
    penalises: Constant<Bit>,
    decouples: Constant<Bit>,
    is_adagrad: Constant<Bit>,
    is_lion: Constant<Bit>,
    is_sgd: Constant<Bit>,
}

impl SingleLane {
    /// Cycles from an element to its results.
    pub const LATENCY: usize = AnyLane::LATENCY;

    /// The lane of this optimizer.
    pub fn new(one: Optimizer) -> Self {
        let constant = |of: &[Optimizer]| Constant::new(of.contains(&one));
        SingleLane {
            clock: Signal::default(),
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
            p_new: Signal::default(),
            state_new: std::array::from_fn(|_| Signal::default()),
            lane: AnyLane::default(),
            penalises: constant(&[Optimizer::Adam, Optimizer::Adagrad, Optimizer::Sgd]),
            decouples: constant(&[Optimizer::AdamW, Optimizer::Lion]),
            is_adagrad: constant(&[Optimizer::Adagrad]),
            is_lion: constant(&[Optimizer::Lion]),
            is_sgd: constant(&[Optimizer::Sgd]),
        }
    }
}

impl Logic for SingleLane {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, lane);
        self.lane.p.next = self.p.val();
        self.lane.m.next = self.state[0].val();
        self.lane.v.next = self.state[1].val();
        self.lane.g.next = self.g.val();
        self.lane.grad_scale.next = self.grad_scale.val();
        self.lane.beta1.next = self.beta1.val();
        self.lane.c1.next = self.c1.val();
        self.lane.beta2.next = self.beta2.val();
        self.lane.c2.next = self.c2.val();
        self.lane.bias2.next = self.bias2.val();
        self.lane.eps.next = self.eps.val();
        self.lane.step_size.next = self.step_size.val();
        self.lane.decay.next = self.decay.val();
        self.lane.penalty.next = self.penalty.val() && self.penalises.val();
        self.lane.decoupled.next = self.decoupled.val() && self.decouples.val();
        self.lane.adagrad.next = self.is_adagrad.val();
        self.lane.lion.next = self.is_lion.val();
        self.lane.straight.next = self.is_sgd.val();
        self.lane.buffer.next = self.buffer.val() && self.is_sgd.val();
        self.lane.first.next = self.first.val() && self.is_sgd.val();
        self.lane.nesterov.next = self.nesterov.val() && self.is_sgd.val();
        self.p_new.next = self.lane.p_new.val();
        self.state_new[0].next = self.lane.m_new.val();
        self.state_new[1].next = self.lane.v_new.val();
        comment!("Adagrad's only state is a second moment.");
        if self.is_adagrad.val() {
            self.lane.v.next = self.state[0].val();
            self.state_new[0].next = self.lane.v_new.val();
        }
    }
    unit!("single_lane");
}
