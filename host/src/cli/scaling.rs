//! What a step multiplies its gradients by: `--loss-scale` and `--clip-norm`.

use anyhow::{bail, Result};
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::scale::{clip, inverse, norm, LossScale};
use serde::Serialize;
use std::str::FromStr;

/// What gradients were multiplied by before they were computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossScaling {
    /// Always the same.
    Static(f32),
    /// The store's.
    Dynamic,
}

impl FromStr for LossScaling {
    type Err = String;

    fn from_str(text: &str) -> Result<LossScaling, String> {
        if text == "dynamic" {
            return Ok(LossScaling::Dynamic);
        }
        match text.parse::<f64>().map(|scale| scale as f32) {
            // Its inverse has to be a number too.
            Ok(scale) if scale > 0.0 && scale.is_normal() && inverse(scale).is_normal() => {
                Ok(LossScaling::Static(scale))
            }
            _ => Err("a loss scale is a number above 0, or `dynamic`".into()),
        }
    }
}

/// Reads the largest norm.
pub fn max_norm(text: &str) -> Result<f32, String> {
    match text.parse::<f64>().map(|norm| norm as f32) {
        Ok(norm) if norm > 0.0 && norm.is_finite() => Ok(norm),
        _ => Err("the largest norm is a finite number above 0".into()),
    }
}

/// What is done with the gradients of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Applied {
    /// The step is not done, because a gradient is not finite.
    pub skipped: bool,
    /// What gradients are multiplied by.
    pub grad_scale: f32,
    /// The norm without the loss scale; `None` unless it was asked for or is not finite.
    pub norm: Option<f32>,
    /// What the next gradients are to be multiplied by; `None` without a loss scale.
    pub loss_scale: Option<f32>,
    /// The dynamic scale that follows.
    #[serde(skip)]
    next: Option<LossScale>,
}

impl Applied {
    /// Of gradients whose squares add up to `sum`; `dynamic` is the store's scale.
    ///
    /// # Errors
    ///
    /// When there is a norm to clip but it is not finite, and no loss scale which would skip the step.
    pub fn of(scaling: Option<LossScaling>, most: Option<f32>, dynamic: LossScale, sum: &SquareSum) -> Result<Applied> {
        if most.is_some() && scaling.is_none() && sum.nonfinite {
            bail!(
                "a gradient is infinite or NaN, so the norm cannot be clipped; leave the step out, or give --loss-scale 1, \
                 which skips it"
            );
        }
        let next = matches!(scaling, Some(LossScaling::Dynamic)).then(|| dynamic.next(sum.nonfinite));
        let (undo, loss_scale) = match scaling {
            None => (1.0, None),
            Some(LossScaling::Static(scale)) => (inverse(scale), Some(scale)),
            Some(LossScaling::Dynamic) => (inverse(dynamic.scale), next.map(|next| next.scale)),
        };
        let norm = most.and_then(|_| norm(sum, undo));
        let coefficient = most.zip(norm).map_or(1.0, |(most, norm)| clip(norm, most));
        let skipped = scaling.is_some() && sum.nonfinite;
        Ok(Applied { skipped, grad_scale: undo * coefficient, norm, loss_scale, next })
    }

    /// The dynamic scale that follows, if there is one.
    pub fn next(&self) -> Option<LossScale> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield_model::gradient_norm::sum_of_squares;

    #[test]
    fn scales_and_norms_are_parsed_or_refused() {
        assert_eq!("dynamic".parse(), Ok(LossScaling::Dynamic));
        assert_eq!("1024".parse(), Ok(LossScaling::Static(1024.0)));
        for bad in ["0", "-1", "inf", "nan", "1e40", "1e-42", "3e38", "Dynamic", ""] {
            assert!(bad.parse::<LossScaling>().is_err(), "{bad}");
        }
        assert_eq!(max_norm("0.5"), Ok(0.5));
        for bad in ["0", "-1", "inf", "nan", "1e-60", "x"] {
            assert!(max_norm(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn gradients_are_scaled_back_clipped_or_left_out() {
        let (good, bad) = (sum_of_squares(&[3.0, 4.0]), sum_of_squares(&[3.0, f32::INFINITY]));
        let dynamic = LossScale { scale: 4.0, good_steps: 7 };
        let of = |scaling, most, sum| Applied::of(scaling, most, dynamic, sum);
        let plain = of(None, None, &bad).unwrap();
        assert_eq!((plain.skipped, plain.grad_scale, plain.norm, plain.loss_scale), (false, 1.0, None, None));
        assert!(of(None, Some(1.0), &bad).unwrap_err().to_string().contains("--loss-scale 1"));
        let clipped = of(None, Some(1.0), &good).unwrap();
        assert_eq!((clipped.norm, clipped.grad_scale), (Some(5.0), 1.0 / (5.0 + 1e-6)));
        let scaled = of(Some(LossScaling::Static(2.0)), Some(1.0), &good).unwrap();
        assert_eq!((scaled.norm, scaled.grad_scale, scaled.next()), (Some(2.5), 0.5 * (1.0 / (2.5 + 1e-6)), None));
        assert!(of(Some(LossScaling::Static(2.0)), None, &bad).unwrap().skipped);
        let skipped = of(Some(LossScaling::Dynamic), None, &bad).unwrap();
        assert_eq!(skipped.next(), Some(LossScale { scale: 2.0, good_steps: 0 }));
        assert_eq!((skipped.skipped, skipped.loss_scale), (true, Some(2.0)));
        let done = of(Some(LossScaling::Dynamic), None, &good).unwrap();
        assert_eq!((done.skipped, done.grad_scale, done.next()), (false, 0.25, Some(dynamic.next(false))));
    }
}
