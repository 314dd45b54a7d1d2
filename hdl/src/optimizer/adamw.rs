use crate::float::{Fp32Div, Fp32Fma, Fp32Mul, Fp32Sqrt};
use crate::prelude::*;

/// One element of an AdamW step a cycle: parameter, both moments and gradient in, parameter and moments out.
///
/// `m = fma(g, c1, m beta1)`, `v = fma(g g, c2, v beta2)`, `p = fma(m / fma(sqrt(v), bias2, eps), step_size, p)`, where
/// the last `p` is `fma(p, decay, p)` if `weight_decay` is set: the operations of `nearfield_model::optimizer::adamw`, in
/// its order, every one rounded once. The three results of an element leave in the same cycle.
///
/// The hyper-parameters are those of the model's `Coefficients` as binary32 words. They are read in many stages: an
/// element sees one set of them only if they hold from the cycle it enters to the cycle its results leave.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct AdamwLane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Parameter.
    pub p: Signal<In, Bits<32>>,
    /// First moment.
    pub m: Signal<In, Bits<32>>,
    /// Second moment.
    pub v: Signal<In, Bits<32>>,
    /// Gradient.
    pub g: Signal<In, Bits<32>>,
    /// Decay rate of the first moment.
    pub beta1: Signal<In, Bits<32>>,
    /// 1 - beta1.
    pub c1: Signal<In, Bits<32>>,
    /// Decay rate of the second moment.
    pub beta2: Signal<In, Bits<32>>,
    /// 1 - beta2.
    pub c2: Signal<In, Bits<32>>,
    /// Bias correction of the second moment's root, a factor.
    pub bias2: Signal<In, Bits<32>>,
    /// Added to the denominator.
    pub eps: Signal<In, Bits<32>>,
    /// Learning rate with bias correction, negative.
    pub step_size: Signal<In, Bits<32>>,
    /// Learning rate times weight decay, negative.
    pub decay: Signal<In, Bits<32>>,
    /// Whether `decay` is applied.
    pub weight_decay: Signal<In, Bit>,
    /// The parameter after the step.
    pub p_new: Signal<Out, Bits<32>>,
    /// The first moment after the step.
    pub m_new: Signal<Out, Bits<32>>,
    /// The second moment after the step.
    pub v_new: Signal<Out, Bits<32>>,
    g_wait: Delay<32, { Fp32Mul::LATENCY }>,
    m_beta1: Fp32Mul,
    moment1: Fp32Fma,
    g_squared: Fp32Mul,
    v_beta2: Fp32Mul,
    moment2: Fp32Fma,
    root: Fp32Sqrt,
    denominator: Fp32Fma,
    m_wait: Delay<32, { Fp32Sqrt::LATENCY + Fp32Fma::LATENCY }>,
    quotient: Fp32Div,
    p_wait: Delay<32, { AdamwLane::QUOTIENT_AT - Fp32Fma::LATENCY }>,
    decayed: Fp32Fma,
    p_undecayed: Delay<32, { Fp32Fma::LATENCY }>,
    p_before: Signal<Local, Bits<32>>,
    update_p: Fp32Fma,
    m_hold: Delay<32, { Fp32Div::LATENCY + Fp32Fma::LATENCY }>,
    v_hold: Delay<32, { AdamwLane::LATENCY - AdamwLane::MOMENTS_AT }>,
}

impl AdamwLane {
    /// The cycle in which both new moments are known.
    const MOMENTS_AT: usize = Fp32Mul::LATENCY + Fp32Fma::LATENCY;
    /// The cycle in which the first moment is divided: its quotient is known.
    const QUOTIENT_AT: usize = Self::MOMENTS_AT + Fp32Sqrt::LATENCY + Fp32Fma::LATENCY + Fp32Div::LATENCY;
    /// Cycles from an element to its results.
    pub const LATENCY: usize = Self::QUOTIENT_AT + Fp32Fma::LATENCY;
}

impl Logic for AdamwLane {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            g_wait,
            m_beta1,
            moment1,
            g_squared,
            v_beta2,
            moment2,
            root,
            denominator,
            m_wait,
            quotient,
            p_wait,
            decayed,
            p_undecayed,
            update_p,
            m_hold,
            v_hold
        );
        self.g_wait.d.next = self.g.val();
        self.m_beta1.a.next = self.m.val();
        self.m_beta1.b.next = self.beta1.val();
        self.moment1.a.next = self.g_wait.q.val();
        self.moment1.b.next = self.c1.val();
        self.moment1.c.next = self.m_beta1.y.val();

        self.g_squared.a.next = self.g.val();
        self.g_squared.b.next = self.g.val();
        self.v_beta2.a.next = self.v.val();
        self.v_beta2.b.next = self.beta2.val();
        self.moment2.a.next = self.g_squared.y.val();
        self.moment2.b.next = self.c2.val();
        self.moment2.c.next = self.v_beta2.y.val();

        self.root.a.next = self.moment2.y.val();
        self.denominator.a.next = self.root.y.val();
        self.denominator.b.next = self.bias2.val();
        self.denominator.c.next = self.eps.val();
        self.m_wait.d.next = self.moment1.y.val();
        self.quotient.a.next = self.m_wait.q.val();
        self.quotient.b.next = self.denominator.y.val();

        self.p_wait.d.next = self.p.val();
        self.decayed.a.next = self.p_wait.q.val();
        self.decayed.b.next = self.decay.val();
        self.decayed.c.next = self.p_wait.q.val();
        self.p_undecayed.d.next = self.p_wait.q.val();
        if self.weight_decay.val() {
            self.p_before.next = self.decayed.y.val();
        } else {
            self.p_before.next = self.p_undecayed.q.val();
        }
        self.update_p.a.next = self.quotient.y.val();
        self.update_p.b.next = self.step_size.val();
        self.update_p.c.next = self.p_before.val();

        self.m_hold.d.next = self.m_wait.q.val();
        self.v_hold.d.next = self.moment2.y.val();
        self.p_new.next = self.update_p.y.val();
        self.m_new.next = self.m_hold.q.val();
        self.v_new.next = self.v_hold.q.val();
    }
    unit!();
}
