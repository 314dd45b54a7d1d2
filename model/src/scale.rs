//! What gradients are multiplied by before a step: the inverse of the loss scale, and what clipping leaves of them.
//!
//! Loss scaling follows PyTorch's `GradScaler` (torch/amp/grad_scaler.py): a step whose scaled gradients are not all finite is skipped
//! and halves a dynamic scale; [`GROWTH_INTERVAL`] good steps in a row double it. Clipping is that of
//! `torch.nn.utils.clip_grad_norm_`, on the norm of the gradients without their scale. Everything is f32 unless it says f64.

use crate::gradient_norm::SquareSum;

/// A dynamic scale begins with this.
pub const INITIAL: f32 = 65_536.0;
/// Good steps after which a dynamic scale is doubled.
pub const GROWTH_INTERVAL: u32 = 2000;

/// A dynamic loss scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    /// What losses, and so gradients, are multiplied by.
    pub scale: f32,
    /// Steps in a row that were not skipped, below [`GROWTH_INTERVAL`].
    pub good_steps: u32,
}

impl Default for LossScale {
    fn default() -> LossScale {
        LossScale { scale: INITIAL, good_steps: 0 }
    }
}

impl LossScale {
    /// After a step whose scaled gradients were all finite, or were not. A scale never leaves the finite, normal numbers: where the
    /// next one would, it stays.
    pub fn next(self, nonfinite: bool) -> LossScale {
        let usable = |scale: f32| if scale.is_normal() { scale } else { self.scale };
        match (nonfinite, self.good_steps + 1) {
            (true, _) => LossScale { scale: usable(self.scale * 0.5), good_steps: 0 },
            (false, GROWTH_INTERVAL..) => LossScale { scale: usable(self.scale * 2.0), good_steps: 0 },
            (false, good_steps) => LossScale { good_steps, ..self },
        }
    }
}

/// What undoes a loss scale: `f(1 / f64(scale))`.
pub fn inverse(scale: f32) -> f32 {
    (1.0 / f64::from(scale)) as f32
}

/// The norm of the gradients whose scaled squares add up to `sum`; `inverse` undoes the scale. `None` if one is not finite.
pub fn norm(sum: &SquareSum, inverse: f32) -> Option<f32> {
    sum.rounded().map(|sum| sum.sqrt() as f32 * inverse)
}

/// What gradients of this norm are multiplied by, so that the norm becomes at most `max_norm`.
pub fn clip(norm: f32, max_norm: f32) -> f32 {
    (max_norm / (norm + 1e-6)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_norm::sum_of_squares;

    #[test]
    fn a_scale_halves_at_once_and_doubles_after_many_good_steps() {
        let mut scale = LossScale::default().next(true);
        assert_eq!(scale, LossScale { scale: 32_768.0, good_steps: 0 });
        for _ in 0..GROWTH_INTERVAL - 1 {
            scale = scale.next(false);
        }
        assert_eq!(scale, LossScale { scale: 32_768.0, good_steps: GROWTH_INTERVAL - 1 });
        assert_eq!(scale.next(true), LossScale { scale: 16_384.0, good_steps: 0 });
        assert_eq!(scale.next(false), LossScale { scale: 65_536.0, good_steps: 0 });
        let least = LossScale { scale: f32::MIN_POSITIVE, good_steps: 5 };
        assert_eq!(least.next(true), LossScale { good_steps: 0, ..least });
        let most = LossScale { scale: f32::MAX, good_steps: GROWTH_INTERVAL - 1 };
        assert_eq!(most.next(false), LossScale { good_steps: 0, ..most });
    }

    #[test]
    fn clipping_is_the_formula() {
        let sum = sum_of_squares(&[3.0 * 1024.0, -4.0 * 1024.0]);
        let norm = norm(&sum, inverse(1024.0)).unwrap();
        assert_eq!(norm, 5.0);
        assert_eq!(clip(norm, 10.0), 1.0);
        assert_eq!(clip(norm, 1.0), 1.0 / (5.0 + 1e-6));
        assert_eq!(clip(0.0, 1e-9), 1e-9 / 1e-6);
        // Finite squares whose root is no f32 clip everything to zero.
        let huge = super::norm(&sum_of_squares(&[f32::MAX, f32::MAX]), 1.0).unwrap();
        assert_eq!((huge, clip(huge, 1.0)), (f32::INFINITY, 0.0));
        assert_eq!(super::norm(&sum_of_squares(&[f32::NAN]), 1.0), None);
    }
}
