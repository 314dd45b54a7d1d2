//! A linear map of rows: `y = x · W + b`, W `[inputs, outputs]`.

use super::matrix::{product, rows, rows_mut};
use super::shape::LinearPlaces;
use ndarray::s;
use std::ops::Range;

/// A linear map's weight and bias.
#[derive(Clone, Copy)]
pub(super) struct Linear<'a> {
    outputs: usize,
    weight: &'a [f32],
    bias: &'a [f32],
}

impl<'a> Linear<'a> {
    /// The map that lies at `places` of a part of the flat run.
    pub(super) fn new(part: &'a [f32], places: &LinearPlaces) -> Linear<'a> {
        let LinearPlaces { outputs, weight, bias, .. } = places;
        Linear { outputs: *outputs, weight: &part[weight.clone()], bias: &part[bias.clone()] }
    }

    /// A map without a bias.
    pub(super) fn without_bias(weight: &'a [f32], outputs: usize) -> Linear<'a> {
        Linear { outputs, weight, bias: &[] }
    }

    fn inputs(&self) -> usize {
        self.weight.len() / self.outputs
    }

    /// y of x.
    pub(super) fn forward(&self, x: &[f32], y: &mut [f32]) {
        if !self.bias.is_empty() {
            y.chunks_exact_mut(self.outputs).for_each(|row| row.copy_from_slice(self.bias));
        }
        let keep = if self.bias.is_empty() { 0.0 } else { 1.0 };
        let (x, weight) = (rows(x, self.inputs()), rows(self.weight, self.outputs));
        product(1.0, &x, &weight, keep, &mut rows_mut(y, self.outputs));
    }

    /// Adds y of x to what is in `sum`.
    pub(super) fn forward_onto(&self, x: &[f32], sum: &mut [f32]) {
        for row in sum.chunks_exact_mut(self.outputs) {
            row.iter_mut().zip(self.bias).for_each(|(sum, bias)| *sum += bias);
        }
        let (x, weight) = (rows(x, self.inputs()), rows(self.weight, self.outputs));
        product(1.0, &x, &weight, 1.0, &mut rows_mut(sum, self.outputs));
    }

    /// The derivative by x, given that by y.
    pub(super) fn backward(&self, by_y: &[f32], by_x: &mut [f32]) {
        let weight = rows(self.weight, self.outputs);
        product(1.0, &rows(by_y, self.outputs), &weight.t(), 0.0, &mut rows_mut(by_x, self.inputs()));
    }
}

/// The derivative by the rows `inputs` of a weight: the sum over sequences, in their order, of x's columns times the
/// derivative by y. `x` has `widths.0` columns, the derivative `widths.1`.
pub(super) fn by_weight<'a>(
    sequences: impl Iterator<Item = (&'a [f32], &'a [f32])>,
    widths: (usize, usize),
    inputs: Range<usize>,
    into: &mut [f32],
) {
    let mut into = rows_mut(into, widths.1);
    let mut keep = 0.0;
    for (x, by_y) in sequences {
        let x = rows(x, widths.0);
        let columns = x.slice(s![.., inputs.clone()]);
        product(1.0, &columns.t(), &rows(by_y, widths.1), keep, &mut into);
        keep = 1.0;
    }
}

/// The derivative by a bias: the sum of the derivatives by y, over sequences and rows in their order.
pub(super) fn by_bias<'a>(sequences: impl Iterator<Item = &'a [f32]>, into: &mut [f32]) {
    into.fill(0.0);
    for by_y in sequences {
        for row in by_y.chunks_exact(into.len()) {
            into.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::difference::{check, numbers};

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let (inputs, outputs, length) = (5, 7, 3);
        let places = LinearPlaces { inputs, outputs, weight: 0..35, bias: 35..42 };
        let (part, x, slope) = (numbers(42, 1), numbers(inputs * length, 2), numbers(outputs * length, 3));
        let forward = |part: &[f32], x: &[f32]| {
            let mut y = vec![f32::NAN; outputs * length];
            Linear::new(part, &places).forward(x, &mut y);
            y
        };
        let mut by_x = vec![f32::NAN; x.len()];
        Linear::new(&part, &places).backward(&slope, &mut by_x);
        check(&x, &by_x, &slope, |x| forward(&part, x));

        // Two sequences: the second with the first's derivatives doubled.
        let doubled: Vec<f32> = slope.iter().map(|value| 2.0 * value).collect();
        let pairs = || [(&x[..], &slope[..]), (&x[..], &doubled[..])].into_iter();
        let mut by_part = vec![f32::NAN; 42];
        for rows in [0..2, 2..5] {
            let into = &mut by_part[rows.start * outputs..rows.end * outputs];
            by_weight(pairs(), (inputs, outputs), rows, into);
        }
        by_bias(pairs().map(|(_, by_y)| by_y), &mut by_part[35..]);
        by_part.iter_mut().for_each(|value| *value /= 3.0);
        check(&part, &by_part, &slope, |part| forward(part, &x));
    }

    #[test]
    fn onto_adds_and_no_bias_is_a_bias_of_zero() {
        let places = LinearPlaces { inputs: 2, outputs: 3, weight: 0..6, bias: 6..9 };
        let (mut part, x) = (numbers(9, 4), numbers(8, 5));
        part[6..].fill(0.0);
        let (mut y, mut sum, mut bare) = (vec![f32::NAN; 12], vec![1.0; 12], vec![f32::NAN; 12]);
        Linear::new(&part, &places).forward(&x, &mut y);
        Linear::new(&part, &places).forward_onto(&x, &mut sum);
        Linear::without_bias(&part[..6], 3).forward(&x, &mut bare);
        assert_eq!(y, bare);
        assert!(y.iter().zip(&sum).all(|(y, sum)| (y + 1.0 - sum).abs() < 1e-6));
    }
}
