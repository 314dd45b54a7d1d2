//! What the optimizers that keep running averages have in common.

use super::BetaPowers;

/// A running average after one more `x`: fma(x, c, average * beta), with c = 1 - beta.
#[inline(always)]
pub(super) fn average(average: f32, beta: f32, x: f32, c: f32) -> f32 {
    x.mul_add(c, average * beta)
}

/// bias1 = 1 - beta1^t, which divides, and bias2 = 1 / sqrt(1 - beta2^t), which multiplies; both 1 without correction.
pub(super) fn bias(powers: &BetaPowers, correction: bool) -> (f32, f32) {
    if correction {
        (1.0 - powers.beta1_t, 1.0 / (1.0 - powers.beta2_t).sqrt())
    } else {
        (1.0, 1.0)
    }
}
