use crate::float::{Fp32Div, Fp32Fma, Fp32Mul, Fp32Sqrt};
use crate::prelude::*;

/// One element of a step of any optimizer a cycle: AdamW, Adam, Adagrad, Lion or SGD, chosen by flags that hold during a run.
///
/// The operations are those of `nearfield_model::optimizer`, in their order, every one rounded once. All of them share one
/// path: two averages, a root, a quotient, the new parameter. Where an optimizer has no use for a unit, a selector leads
/// round it; where it needs another operand, one leads it there:
///
/// ```text
/// g  = g grad_scale, then fma(p, decay, g) where `penalty`
/// m1 = fma(g, c1, m beta1)         or g, where `first`
/// m2 = fma(g g, c2, v beta2)       Adagrad: fma(g, g, v)         Lion: fma(g, c2, m beta2)
/// d  = fma(sqrt(m2), bias2, eps)   Nesterov: fma(m1, beta1, g)
/// u  = m1 / d                      Adagrad: g / d                SGD: d, m1 or g as it is
/// p  = fma(u, step_size, fma(p, decay, p) where `decoupled`)
///                                  Lion: fma(p, decay or 1, step_size with its sign flipped by m1's)
/// ```
///
/// A multiplication by a scale of 1 changes nothing but the payload of a NaN, and an addition is an fma whose factor is 1. The
/// results leave together. Of an optimizer without a first or second moment, that result means nothing; Lion's average and
/// SGD's buffer are first moments.
#[derive(Clone, Debug, Default, LogicBlock)]
pub struct AnyLane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Parameter.
    pub p: Signal<In, Bits<32>>,
    /// First moment, average or momentum buffer.
    pub m: Signal<In, Bits<32>>,
    /// Second moment or sum of squares.
    pub v: Signal<In, Bits<32>>,
    /// Gradient.
    pub g: Signal<In, Bits<32>>,
    /// What gradients are multiplied by first. This and all that follow hold during a run.
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
    /// Learning rate, with bias correction where there is one, negative.
    pub step_size: Signal<In, Bits<32>>,
    /// What `penalty`, `decoupled` or Lion multiplies by.
    pub decay: Signal<In, Bits<32>>,
    /// The gradient grows by the parameter times `decay` (Adam, Adagrad, SGD).
    pub penalty: Signal<In, Bit>,
    /// The parameter grows by itself times `decay` first (AdamW).
    pub decoupled: Signal<In, Bit>,
    /// Adagrad.
    pub adagrad: Signal<In, Bit>,
    /// Lion.
    pub lion: Signal<In, Bit>,
    /// The step goes along the gradient or the buffer, without a quotient (SGD).
    pub straight: Signal<In, Bit>,
    /// There is a momentum buffer (SGD).
    pub buffer: Signal<In, Bit>,
    /// The first step, whose gradient becomes the buffer (SGD).
    pub first: Signal<In, Bit>,
    /// The step goes along the buffer that the next step would have (SGD).
    pub nesterov: Signal<In, Bit>,
    /// The parameter after the step.
    pub p_new: Signal<Out, Bits<32>>,
    /// The first moment, average or buffer after the step.
    pub m_new: Signal<Out, Bits<32>>,
    /// The second moment or sum after the step.
    pub v_new: Signal<Out, Bits<32>>,

    scaled: Fp32Mul,
    p_scaled: Delay<32, { Fp32Mul::LATENCY }>,
    penalised: Fp32Fma,
    unpenalised: Delay<32, { Fp32Fma::LATENCY }>,
    p_given: Delay<32, { Fp32Fma::LATENCY }>,
    m_given: Delay<32, { AnyLane::GRADIENT_AT }>,
    v_given: Delay<32, { AnyLane::GRADIENT_AT }>,
    gradient: Signal<Local, Bits<32>>,

    g_multiplied: Delay<32, { Fp32Mul::LATENCY }>,
    v_multiplied: Delay<32, { Fp32Mul::LATENCY }>,
    m_beta1: Fp32Mul,
    g_squared: Fp32Mul,
    averaged: Signal<Local, Bits<32>>,
    averaged_beta2: Fp32Mul,
    average1: Fp32Fma,
    addend: Signal<Local, Bits<32>>,
    factor: Signal<Local, Bits<32>>,
    start: Signal<Local, Bits<32>>,
    average2: Fp32Fma,
    g_averaged: Delay<32, { Fp32Fma::LATENCY }>,
    m1: Signal<Local, Bits<32>>,

    root: Fp32Sqrt,
    m1_rooted: Delay<32, { Fp32Sqrt::LATENCY }>,
    g_rooted: Delay<32, { Fp32Sqrt::LATENCY }>,
    under: Signal<Local, Bits<32>>,
    under_factor: Signal<Local, Bits<32>>,
    under_addend: Signal<Local, Bits<32>>,
    denominator: Fp32Fma,
    m1_over: Delay<32, { Fp32Fma::LATENCY }>,
    g_over: Delay<32, { Fp32Fma::LATENCY }>,
    numerator: Signal<Local, Bits<32>>,
    along: Signal<Local, Bits<32>>,
    quotient: Fp32Div,
    along_divided: Delay<32, { Fp32Div::LATENCY }>,
    m1_divided: Delay<32, { Fp32Div::LATENCY }>,

    p_wait: Delay<32, { AnyLane::DIRECTION_AT - Fp32Fma::LATENCY }>,
    decayed: Fp32Fma,
    undecayed: Delay<32, { Fp32Fma::LATENCY }>,
    direction: Signal<Local, Bits<32>>,
    p_before: Signal<Local, Bits<32>>,
    sign: Signal<Local, Bits<32>>,
    signed: Signal<Local, Bits<32>>,
    weight: Signal<Local, Bits<32>>,
    a: Signal<Local, Bits<32>>,
    b: Signal<Local, Bits<32>>,
    c: Signal<Local, Bits<32>>,
    update_p: Fp32Fma,
    m1_hold: Delay<32, { Fp32Fma::LATENCY }>,
    m2_hold: Delay<32, { AnyLane::DIRECTION_AT + Fp32Fma::LATENCY - AnyLane::AVERAGES_AT }>,
}

impl AnyLane {
    /// The cycle in which the gradient is scaled and penalised.
    const GRADIENT_AT: usize = Fp32Mul::LATENCY + Fp32Fma::LATENCY;
    /// Cycles from there to both averages.
    const AVERAGES_AT: usize = Fp32Mul::LATENCY + Fp32Fma::LATENCY;
    /// Cycles from the gradient to the direction of the step.
    const DIRECTION_AT: usize = Self::AVERAGES_AT + Fp32Sqrt::LATENCY + Fp32Fma::LATENCY + Fp32Div::LATENCY;
    /// Cycles from an element to its results.
    pub const LATENCY: usize = Self::GRADIENT_AT + Self::DIRECTION_AT + Fp32Fma::LATENCY;
}

/// 1 in binary32.
const ONE: u64 = 0x3f80_0000;
/// The sign bit of a binary32.
const SIGN: u64 = 0x8000_0000;

impl Logic for AnyLane {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            scaled,
            p_scaled,
            penalised,
            unpenalised,
            p_given,
            m_given,
            v_given,
            g_multiplied,
            v_multiplied,
            m_beta1,
            g_squared,
            averaged_beta2,
            average1,
            average2,
            g_averaged,
            root,
            m1_rooted,
            g_rooted,
            denominator,
            m1_over,
            g_over,
            quotient,
            along_divided,
            m1_divided,
            p_wait,
            decayed,
            undecayed,
            update_p,
            m1_hold,
            m2_hold
        );
        comment!("The gradient, scaled and penalised.");
        self.scaled.a.next = self.g.val();
        self.scaled.b.next = self.grad_scale.val();
        self.p_scaled.d.next = self.p.val();
        self.penalised.a.next = self.p_scaled.q.val();
        self.penalised.b.next = self.decay.val();
        self.penalised.c.next = self.scaled.y.val();
        self.unpenalised.d.next = self.scaled.y.val();
        self.p_given.d.next = self.p_scaled.q.val();
        self.m_given.d.next = self.m.val();
        self.v_given.d.next = self.v.val();
        self.gradient.next = self.unpenalised.q.val();
        if self.penalty.val() {
            self.gradient.next = self.penalised.y.val();
        }

        comment!("The two averages.");
        self.g_multiplied.d.next = self.gradient.val();
        self.v_multiplied.d.next = self.v_given.q.val();
        self.m_beta1.a.next = self.m_given.q.val();
        self.m_beta1.b.next = self.beta1.val();
        self.g_squared.a.next = self.gradient.val();
        self.g_squared.b.next = self.gradient.val();
        self.averaged.next = self.v_given.q.val();
        if self.lion.val() {
            self.averaged.next = self.m_given.q.val();
        }
        self.averaged_beta2.a.next = self.averaged.val();
        self.averaged_beta2.b.next = self.beta2.val();
        self.average1.a.next = self.g_multiplied.q.val();
        self.average1.b.next = self.c1.val();
        self.average1.c.next = self.m_beta1.y.val();
        self.addend.next = self.g_squared.y.val();
        self.factor.next = self.c2.val();
        self.start.next = self.averaged_beta2.y.val();
        if self.adagrad.val() || self.lion.val() {
            self.addend.next = self.g_multiplied.q.val();
        }
        if self.adagrad.val() {
            self.factor.next = self.g_multiplied.q.val();
            self.start.next = self.v_multiplied.q.val();
        }
        self.average2.a.next = self.addend.val();
        self.average2.b.next = self.factor.val();
        self.average2.c.next = self.start.val();
        self.g_averaged.d.next = self.g_multiplied.q.val();
        self.m1.next = self.average1.y.val();
        if self.first.val() {
            self.m1.next = self.g_averaged.q.val();
        }

        comment!("The direction: a quotient, or what SGD follows.");
        self.root.a.next = self.average2.y.val();
        self.m1_rooted.d.next = self.m1.val();
        self.g_rooted.d.next = self.g_averaged.q.val();
        self.under.next = self.root.y.val();
        self.under_factor.next = self.bias2.val();
        self.under_addend.next = self.eps.val();
        if self.nesterov.val() {
            self.under.next = self.m1_rooted.q.val();
            self.under_factor.next = self.beta1.val();
            self.under_addend.next = self.g_rooted.q.val();
        }
        self.denominator.a.next = self.under.val();
        self.denominator.b.next = self.under_factor.val();
        self.denominator.c.next = self.under_addend.val();
        self.m1_over.d.next = self.m1_rooted.q.val();
        self.g_over.d.next = self.g_rooted.q.val();
        self.numerator.next = self.m1_over.q.val();
        if self.adagrad.val() {
            self.numerator.next = self.g_over.q.val();
        }
        self.quotient.a.next = self.numerator.val();
        self.quotient.b.next = self.denominator.y.val();
        self.along.next = self.g_over.q.val();
        if self.nesterov.val() {
            self.along.next = self.denominator.y.val();
        } else if self.buffer.val() {
            self.along.next = self.m1_over.q.val();
        }
        self.along_divided.d.next = self.along.val();
        self.m1_divided.d.next = self.m1_over.q.val();
        self.direction.next = self.quotient.y.val();
        if self.straight.val() {
            self.direction.next = self.along_divided.q.val();
        }

        comment!("The new parameter. Of Lion's average only the sign counts, and whether it is a NaN.");
        self.p_wait.d.next = self.p_given.q.val();
        self.decayed.a.next = self.p_wait.q.val();
        self.decayed.b.next = self.decay.val();
        self.decayed.c.next = self.p_wait.q.val();
        self.undecayed.d.next = self.p_wait.q.val();
        self.p_before.next = self.undecayed.q.val();
        if self.decoupled.val() && !self.lion.val() {
            self.p_before.next = self.decayed.y.val();
        }
        self.sign.next = self.m1_divided.q.val() & SIGN;
        self.signed.next = self.step_size.val() ^ self.sign.val();
        if self.m1_divided.q.val().get_bits::<8>(23).all() && self.m1_divided.q.val().get_bits::<23>(0).any() {
            self.signed.next = self.m1_divided.q.val();
        }
        self.weight.next = ONE.into();
        if self.decoupled.val() {
            self.weight.next = self.decay.val();
        }
        self.a.next = self.direction.val();
        self.b.next = self.step_size.val();
        self.c.next = self.p_before.val();
        if self.lion.val() {
            self.a.next = self.undecayed.q.val();
            self.b.next = self.weight.val();
            self.c.next = self.signed.val();
        }
        self.update_p.a.next = self.a.val();
        self.update_p.b.next = self.b.val();
        self.update_p.c.next = self.c.val();

        self.m1_hold.d.next = self.m1_divided.q.val();
        self.m2_hold.d.next = self.average2.y.val();
        self.p_new.next = self.update_p.y.val();
        self.v_new.next = self.m2_hold.q.val();
        self.m_new.next = self.m1_hold.q.val();
        if self.lion.val() {
            self.m_new.next = self.m2_hold.q.val();
        }
    }
    unit!("any_lane"; ONE, SIGN);
}
