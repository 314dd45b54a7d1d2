//! The Gaussian error linear unit in its tanh form: `x · (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2` (Hendrycks & Gimpel,
//! 2016), which is `x · sigmoid(2 sqrt(2/π) (x + 0.044715 x³))`.

use super::elementary::exp;

/// 2 sqrt(2/π).
const SLOPE: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gate(x: f32) -> f32 {
    1.0 / (1.0 + exp(-SLOPE * (x + CUBIC * x * x * x)))
}

/// y of x.
pub(super) fn forward(x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = x * gate(x));
}

/// Makes the derivative by y, in place, the derivative by x.
pub(super) fn backward(x: &[f32], by_y: &mut [f32]) {
    for (by, &x) in by_y.iter_mut().zip(x) {
        let gate = gate(x);
        *by *= gate + x * gate * (1.0 - gate) * SLOPE * (1.0 + 3.0 * CUBIC * x * x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::difference::{check, numbers};

    #[test]
    fn it_is_the_formula() {
        let x: Vec<f32> = (-60..=60).map(|x| x as f32 / 10.0).collect();
        let mut y = vec![f32::NAN; x.len()];
        forward(&x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let x = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            assert!((f64::from(y) - x * (1.0 + inner.tanh()) / 2.0).abs() < 1e-6, "{x}");
        }
        let mut y = [f32::NAN; 3];
        forward(&[-1e30, 1e30, f32::NAN], &mut y);
        assert!(y[0].abs() < 1.0 && y[1] == 1e30 && y[2].is_nan());
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let x: Vec<f32> = numbers(40, 1).iter().map(|x| 3.0 * x).collect();
        let slope = numbers(40, 2);
        let mut by_x = slope.clone();
        backward(&x, &mut by_x);
        check(&x, &by_x, &slope, |x| {
            let mut y = vec![f32::NAN; x.len()];
            forward(x, &mut y);
            y
        });
    }
}
