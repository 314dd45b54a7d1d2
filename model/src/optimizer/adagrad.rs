//! Adagrad: each element has a learning rate of its own, which shrinks with the squares of its gradients.
//!
//! The order of operations is that of DeepSpeed 0.19.8's CPU Adagrad in its AVX-512 form
//! (`csrc/includes/cpu_adagrad.h`, `Step_AVX`), for every element. `fma(a, b, c)` rounds a·b + c once; every other
//! operation rounds:
//!
//! ```text
//! g  = fma(p, weight_decay, g)      only if weight_decay > 0
//! v' = fma(g, g, v)
//! p' = fma(g / (sqrt(v') + eps), -lr, p)
//! ```

use super::hyper_error::at_least_zero;
use super::{canonical, HyperError, Look};

/// Hyper-parameters as a person writes them; each is rounded once to f32 before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Learning rate.
    pub lr: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// L2 penalty; at 0 the operation is left out, not done with 0.
    pub weight_decay: f64,
}

impl Default for Hyper {
    /// PyTorch's defaults for Adagrad, which begins with sums of zero as here.
    fn default() -> Hyper {
        Hyper { lr: 1e-2, eps: 1e-10, weight_decay: 0.0 }
    }
}

impl Hyper {
    /// Refuses NaN, infinities and negative numbers.
    pub fn check(&self) -> Result<(), HyperError> {
        at_least_zero("lr", self.lr)?;
        at_least_zero("eps", self.eps)?;
        at_least_zero("weight_decay", self.weight_decay)
    }
}

/// What one step needs of the hyper-parameters, in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// eps.
    pub eps: f32,
    /// -lr.
    pub step_size: f32,
    /// weight_decay.
    pub decay: f32,
    /// Whether `decay` is applied. Applying a decay of 0 would make NaN of infinite parameters.
    pub weight_decay: bool,
}

impl Coefficients {
    /// The coefficients of every step. Those of checked hyper-parameters are finite.
    pub fn new(hyper: &Hyper) -> Coefficients {
        let decay = hyper.weight_decay as f32;
        Coefficients { eps: hyper.eps as f32, step_size: -(hyper.lr as f32), decay, weight_decay: decay > 0.0 }
    }
}

/// One element: takes (p, v) and the gradient, gives (p', v').
#[inline(always)]
pub fn element(k: &Coefficients, p: f32, v: f32, g: f32) -> (f32, f32) {
    let g = if k.weight_decay { p.mul_add(k.decay, g) } else { g };
    let v = g.mul_add(g, v);
    let p = (g / (v.sqrt() + k.eps)).mul_add(k.step_size, p);
    (canonical(p), canonical(v))
}

/// One step in place on a run of elements; says whether a gradient was infinite or a NaN.
///
/// # Panics
///
/// If the three slices differ in length.
#[inline(always)]
pub fn step(k: &Coefficients, params: &mut [f32], exp_avg_sq: &mut [f32], grads: &[f32]) -> bool {
    let n = params.len();
    assert!(exp_avg_sq.len() == n && grads.len() == n, "the three tensors have one length");
    let mut look = Look::default();
    for i in 0..n {
        (params[i], exp_avg_sq[i]) = element(k, params[i], exp_avg_sq[i], look.at(grads[i]));
    }
    look.found()
}

#[cfg(test)]
mod tests;
