//! Adam with L2 regularisation: the weight decay goes into the gradient.
//!
//! The order of operations is that of DeepSpeed 0.19.8's CPU Adam in its AVX-512 form (`csrc/includes/cpu_adam.h`,
//! `Step_AVX`, without `adamw_mode`), for every element. `fma(a, b, c)` rounds a·b + c once; every other operation rounds:
//!
//! ```text
//! g  = fma(p, weight_decay, g)      only if weight_decay > 0
//! m' = fma(g, c1, m * beta1)        v' = fma(g * g, c2, v * beta2)
//! d  = fma(sqrt(v'), bias2, eps)    u  = m' / d
//! p' = fma(u, step_size, p)
//! ```

use super::hyper_error::{at_least_zero, decay_rate};
use super::moments::{average, bias};
use super::{canonical, BetaPowers, HyperError, Look};

/// Hyper-parameters as a person writes them; each is rounded once to f32 before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Learning rate.
    pub lr: f64,
    /// Decay rate of the first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// L2 penalty; at 0 the operation is left out, not done with 0.
    pub weight_decay: f64,
    /// Whether the moments are corrected for their start at zero.
    pub bias_correction: bool,
}

impl Default for Hyper {
    /// PyTorch's defaults for Adam.
    fn default() -> Hyper {
        Hyper { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, bias_correction: true }
    }
}

impl Hyper {
    /// Refuses NaN, infinities, negative numbers and betas of 1 or more.
    pub fn check(&self) -> Result<(), HyperError> {
        at_least_zero("lr", self.lr)?;
        decay_rate("beta1", self.beta1)?;
        decay_rate("beta2", self.beta2)?;
        at_least_zero("eps", self.eps)?;
        at_least_zero("weight_decay", self.weight_decay)
    }

    /// The beta products before the first step.
    pub fn powers(&self) -> BetaPowers {
        BetaPowers::new(self.beta1, self.beta2)
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
    /// 1 / sqrt(1 - beta2^t), or 1 without bias correction.
    pub bias2: f32,
    /// eps.
    pub eps: f32,
    /// -lr / (1 - beta1^t), or -lr without bias correction.
    pub step_size: f32,
    /// weight_decay.
    pub decay: f32,
    /// Whether `decay` is applied. Applying a decay of 0 would make NaN of infinite parameters.
    pub weight_decay: bool,
}

impl Coefficients {
    /// [`Coefficients::new`], refused where the learning rate divided by the bias no longer fits f32.
    pub fn checked(hyper: &Hyper, powers: &BetaPowers) -> Result<Coefficients, HyperError> {
        let k = Coefficients::new(hyper, powers);
        if k.step_size.is_finite() {
            return Ok(k);
        }
        Err(HyperError { name: "lr", value: hyper.lr, rule: "so small that lr / (1 - beta1^t) fits f32" })
    }

    /// The coefficients for the step `powers` belongs to, with the betas of `powers`.
    pub fn new(hyper: &Hyper, powers: &BetaPowers) -> Coefficients {
        let (beta1, beta2) = (powers.beta1, powers.beta2);
        let (bias1, bias2) = bias(powers, hyper.bias_correction);
        let decay = hyper.weight_decay as f32;
        Coefficients {
            beta1,
            c1: 1.0 - beta1,
            beta2,
            c2: 1.0 - beta2,
            bias2,
            eps: hyper.eps as f32,
            step_size: -(hyper.lr as f32) / bias1,
            decay,
            weight_decay: decay > 0.0,
        }
    }
}

/// One element: takes (p, m, v) and the gradient, gives (p', m', v').
#[inline(always)]
pub fn element(k: &Coefficients, p: f32, m: f32, v: f32, g: f32) -> (f32, f32, f32) {
    let g = if k.weight_decay { p.mul_add(k.decay, g) } else { g };
    let m = average(m, k.beta1, g, k.c1);
    let v = average(v, k.beta2, g * g, k.c2);
    let d = v.sqrt().mul_add(k.bias2, k.eps);
    let u = m / d;
    let p = u.mul_add(k.step_size, p);
    (canonical(p), canonical(m), canonical(v))
}

/// One step in place on a run of elements; says whether a gradient was infinite or a NaN.
///
/// # Panics
///
/// If the four slices differ in length.
#[inline(always)]
pub fn step(k: &Coefficients, params: &mut [f32], exp_avg: &mut [f32], exp_avg_sq: &mut [f32], grads: &[f32]) -> bool {
    let n = params.len();
    assert!(exp_avg.len() == n && exp_avg_sq.len() == n && grads.len() == n, "the four tensors have one length");
    let mut look = Look::default();
    for i in 0..n {
        (params[i], exp_avg[i], exp_avg_sq[i]) = element(k, params[i], exp_avg[i], exp_avg_sq[i], look.at(grads[i]));
    }
    look.found()
}

#[cfg(test)]
mod tests;
