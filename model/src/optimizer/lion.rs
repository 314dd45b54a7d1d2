//! Lion: a step of one size for every element, of which the gradient and its average decide only the direction.
//!
//! The order of operations is that of DeepSpeed 0.19.8's CPU Lion in its AVX-512 form (`csrc/includes/cpu_lion.h`,
//! `Step_AVX`), for every element. Its `decay` is scalar code there, which gcc fuses. `fma(a, b, c)` rounds a·b + c once;
//! every other operation rounds:
//!
//! ```text
//! c  = fma(g, c1, m * beta1)
//! t  = -lr, or lr if c's sign bit is set: +0 moves p by -lr, and -0 by lr
//! p' = p + t                        if weight_decay = 0
//! p' = fma(p, decay, t)             if weight_decay > 0, with decay = fma(-lr, weight_decay, 1)
//! m' = fma(g, c2, m * beta2)
//! ```
//!
//! A NaN has a sign bit too, and the rule alone would turn it into an ordinary step. Here t is then NaN, and so is p'.

use super::hyper_error::{at_least_zero, decay_rate};
use super::moments::average;
use super::{canonical, HyperError, Look};

/// Hyper-parameters as a person writes them; each is rounded once to f32 before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Learning rate: the size of the step.
    pub lr: f64,
    /// The average's share in the direction.
    pub beta1: f64,
    /// Decay rate of the average.
    pub beta2: f64,
    /// Decoupled weight decay; at 0 the decay operation is left out, not done with 1.
    pub weight_decay: f64,
}

impl Default for Hyper {
    /// Those of Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023), algorithm 2, with the learning rate
    /// of their published code.
    fn default() -> Hyper {
        Hyper { lr: 1e-4, beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl Hyper {
    /// Refuses NaN, infinities, negative numbers and betas of 1 or more.
    pub fn check(&self) -> Result<(), HyperError> {
        at_least_zero("lr", self.lr)?;
        decay_rate("beta1", self.beta1)?;
        decay_rate("beta2", self.beta2)?;
        at_least_zero("weight_decay", self.weight_decay)
    }
}

/// What one step needs of the hyper-parameters, in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// beta1.
    pub beta1: f32,
    /// 1 - beta1.
    pub c1: f32,
    /// beta2.
    pub beta2: f32,
    /// 1 - beta2.
    pub c2: f32,
    /// -lr.
    pub step_size: f32,
    /// 1 - lr * weight_decay, rounded once.
    pub decay: f32,
    /// Whether `decay` is applied.
    pub weight_decay: bool,
}

impl Coefficients {
    /// [`Coefficients::new`], refused where the decay overflows f32.
    pub fn checked(hyper: &Hyper) -> Result<Coefficients, HyperError> {
        let k = Coefficients::new(hyper);
        if k.decay.is_finite() {
            return Ok(k);
        }
        Err(HyperError { name: "lr", value: hyper.lr, rule: "so small that lr * weight_decay fits f32" })
    }

    /// The coefficients of every step.
    pub fn new(hyper: &Hyper) -> Coefficients {
        let (beta1, beta2) = (hyper.beta1 as f32, hyper.beta2 as f32);
        let (step_size, weight_decay) = (-(hyper.lr as f32), hyper.weight_decay as f32);
        Coefficients {
            beta1,
            c1: 1.0 - beta1,
            beta2,
            c2: 1.0 - beta2,
            step_size,
            decay: step_size.mul_add(weight_decay, 1.0),
            weight_decay: weight_decay > 0.0,
        }
    }
}

/// One element: takes (p, m) and the gradient, gives (p', m').
#[inline(always)]
pub fn element(k: &Coefficients, p: f32, m: f32, g: f32) -> (f32, f32) {
    let c = average(m, k.beta1, g, k.c1);
    let sign = c.to_bits() & 0x8000_0000;
    let t = if c.is_nan() { c } else { f32::from_bits(k.step_size.to_bits() ^ sign) };
    let p = if k.weight_decay { p.mul_add(k.decay, t) } else { p + t };
    let m = average(m, k.beta2, g, k.c2);
    (canonical(p), canonical(m))
}

/// One step in place on a run of elements; says whether a gradient was infinite or a NaN.
///
/// # Panics
///
/// If the three slices differ in length.
#[inline(always)]
pub fn step(k: &Coefficients, params: &mut [f32], exp_avg: &mut [f32], grads: &[f32]) -> bool {
    let n = params.len();
    assert!(exp_avg.len() == n && grads.len() == n, "the three tensors have one length");
    let mut look = Look::default();
    for i in 0..n {
        (params[i], exp_avg[i]) = element(k, params[i], exp_avg[i], look.at(grads[i]));
    }
    look.found()
}

#[cfg(test)]
mod tests;
