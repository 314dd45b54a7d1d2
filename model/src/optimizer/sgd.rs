//! SGD: stochastic gradient descent, plain or with momentum, dampening and Nesterov's look ahead.
//!
//! The rule and the order of operations are those of PyTorch's SGD on a CPU with fused multiply-add (`torch/optim/sgd.py`,
//! `_single_tensor_sgd`; its `add_(x, alpha=a)` is one fused operation there). `fma(a, b, c)` rounds a·b + c once; every
//! other operation rounds:
//!
//! ```text
//! g    = fma(p, weight_decay, g)    only if weight_decay > 0
//! with momentum:
//! buf' = g on the first step, else fma(g, c1, buf * momentum)
//! g    = fma(buf', momentum, g) with nesterov, else buf'
//! always:
//! p'   = fma(g, -lr, p)
//! ```
//!
//! with c1 = f(1.0 - dampening), subtracted in f64 and rounded once, as PyTorch does. Without momentum there is no buffer.

use super::hyper_error::{at_least_zero, fraction};
use super::{canonical, HyperError, Look};

/// Hyper-parameters as a person writes them; each is rounded once to f32 before anything is computed, but for dampening,
/// which is first subtracted from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Learning rate.
    pub lr: f64,
    /// Decay rate of the buffer; at 0 there is no buffer.
    pub momentum: f64,
    /// How much of a gradient is kept out of the buffer, but for the first one.
    pub dampening: f64,
    /// L2 penalty; at 0 the operation is left out, not done with 0.
    pub weight_decay: f64,
    /// Whether the step goes along the buffer that the next step would have.
    pub nesterov: bool,
}

impl Default for Hyper {
    /// PyTorch's defaults for SGD.
    fn default() -> Hyper {
        Hyper { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false }
    }
}

impl Hyper {
    /// Refuses NaN, infinities, negative numbers, dampening above 1 or without momentum, and nesterov without momentum or
    /// with dampening.
    pub fn check(&self) -> Result<(), HyperError> {
        at_least_zero("lr", self.lr)?;
        at_least_zero("momentum", self.momentum)?;
        fraction("dampening", self.dampening)?;
        at_least_zero("weight_decay", self.weight_decay)?;
        let refused = |name, value, rule| Err(HyperError { name, value, rule });
        if self.nesterov && !self.has_buffer() {
            return refused("momentum", self.momentum, "above 0 with nesterov");
        }
        if self.nesterov && self.dampening != 0.0 {
            return refused("dampening", self.dampening, "0 with nesterov");
        }
        if self.dampening != 0.0 && !self.has_buffer() {
            return refused("dampening", self.dampening, "0 without momentum, where it would do nothing");
        }
        Ok(())
    }

    /// Whether there is a momentum buffer: momentum is above 0, rounded to f32.
    pub fn has_buffer(&self) -> bool {
        self.momentum as f32 > 0.0
    }
}

/// What one step needs of the hyper-parameters, in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// momentum; 0 where there is no buffer.
    pub momentum: f32,
    /// f(1.0 - dampening).
    pub c1: f32,
    /// -lr.
    pub step_size: f32,
    /// weight_decay.
    pub decay: f32,
    /// Whether `decay` is applied. Applying a decay of 0 would make NaN of infinite parameters.
    pub weight_decay: bool,
    /// Whether this is the first step, whose gradient becomes the buffer; what was in it before is not looked at.
    pub first: bool,
    /// Whether the step goes along fma(buf', momentum, g) instead of buf'.
    pub nesterov: bool,
}

impl Coefficients {
    /// The coefficients of a step, counted from 1. Those of checked hyper-parameters are finite.
    pub fn new(hyper: &Hyper, step: u64) -> Coefficients {
        let decay = hyper.weight_decay as f32;
        Coefficients {
            momentum: hyper.momentum as f32,
            c1: (1.0 - hyper.dampening) as f32,
            step_size: -(hyper.lr as f32),
            decay,
            weight_decay: decay > 0.0,
            first: step == 1,
            nesterov: hyper.nesterov,
        }
    }

    /// Whether there is a momentum buffer.
    pub fn has_buffer(&self) -> bool {
        self.momentum > 0.0
    }
}

/// The gradient with the L2 penalty's.
#[inline(always)]
fn penalised(k: &Coefficients, p: f32, g: f32) -> f32 {
    if k.weight_decay {
        p.mul_add(k.decay, g)
    } else {
        g
    }
}

/// One element with momentum: takes (p, buf) and the gradient, gives (p', buf').
#[inline(always)]
pub fn element(k: &Coefficients, p: f32, buf: f32, g: f32) -> (f32, f32) {
    let g = penalised(k, p, g);
    let buf = if k.first { g } else { g.mul_add(k.c1, buf * k.momentum) };
    let g = if k.nesterov { buf.mul_add(k.momentum, g) } else { buf };
    (canonical(g.mul_add(k.step_size, p)), canonical(buf))
}

/// One element without momentum: takes p and the gradient, gives p'.
#[inline(always)]
pub fn plain_element(k: &Coefficients, p: f32, g: f32) -> f32 {
    canonical(penalised(k, p, g).mul_add(k.step_size, p))
}

/// One step with momentum, in place on a run of elements; says whether a gradient was infinite or a NaN.
///
/// # Panics
///
/// If the three slices differ in length.
#[inline(always)]
pub fn step(k: &Coefficients, params: &mut [f32], momentum_buffer: &mut [f32], grads: &[f32]) -> bool {
    let n = params.len();
    assert!(momentum_buffer.len() == n && grads.len() == n, "the three tensors have one length");
    let mut look = Look::default();
    for i in 0..n {
        (params[i], momentum_buffer[i]) = element(k, params[i], momentum_buffer[i], look.at(grads[i]));
    }
    look.found()
}

/// One step without momentum, in place on a run of elements; says whether a gradient was infinite or a NaN.
///
/// # Panics
///
/// If the two slices differ in length.
#[inline(always)]
pub fn plain_step(k: &Coefficients, params: &mut [f32], grads: &[f32]) -> bool {
    let n = params.len();
    assert!(grads.len() == n, "the two tensors have one length");
    let mut look = Look::default();
    for i in 0..n {
        params[i] = plain_element(k, params[i], look.at(grads[i]));
    }
    look.found()
}

#[cfg(test)]
mod tests;
