//! Layer normalisation of rows: `y = (x - mean) / sqrt(variance + 1e-5) · gain + bias` (Ba et al., 2016).

use super::elementary::{dot, sum};
use super::shape::NormPlaces;

const EPS: f32 = 1e-5;

/// A normalisation's gain and bias.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    gain: &'a [f32],
    bias: &'a [f32],
}

/// What a forward pass leaves for the backward pass, for all rows of a sequence.
pub(super) struct NormPass {
    /// (x - mean) / deviation.
    pub normal: Vec<f32>,
    /// 1 / deviation of each row.
    inverse: Vec<f32>,
    /// The result.
    pub y: Vec<f32>,
}

impl NormPass {
    pub(super) fn new(length: usize, width: usize) -> NormPass {
        NormPass { normal: vec![0.0; length * width], inverse: vec![0.0; length], y: vec![0.0; length * width] }
    }
}

impl<'a> Norm<'a> {
    /// The normalisation that lies at `places` of a part of the flat run.
    pub(super) fn new(part: &'a [f32], places: &NormPlaces) -> Norm<'a> {
        Norm { gain: &part[places.gain.clone()], bias: &part[places.bias.clone()] }
    }

    /// Normalises the rows of x.
    pub(super) fn forward(&self, x: &[f32], pass: &mut NormPass) {
        let width = self.gain.len();
        let outputs = pass.normal.chunks_exact_mut(width).zip(pass.y.chunks_exact_mut(width));
        for ((x, (normal, y)), inverse) in x.chunks_exact(width).zip(outputs).zip(&mut pass.inverse) {
            let mean = sum(x) / width as f32;
            normal.iter_mut().zip(x).for_each(|(normal, x)| *normal = x - mean);
            *inverse = 1.0 / (dot(normal, normal) / width as f32 + EPS).sqrt();
            for (((y, normal), gain), bias) in y.iter_mut().zip(normal).zip(self.gain).zip(self.bias) {
                *normal *= *inverse;
                *y = *normal * gain + bias;
            }
        }
    }

    /// Adds the derivative by x, given that by y, to what is in `sum_by_x`.
    pub(super) fn backward(&self, pass: &NormPass, by_y: &[f32], sum_by_x: &mut [f32]) {
        let width = self.gain.len();
        let mut by_normal = vec![0.0; width];
        let rows = pass.normal.chunks_exact(width).zip(&pass.inverse).zip(by_y.chunks_exact(width));
        for (((normal, inverse), by_y), by_x) in rows.zip(sum_by_x.chunks_exact_mut(width)) {
            by_normal
                .iter_mut()
                .zip(by_y)
                .zip(self.gain)
                .for_each(|((by_normal, by_y), gain)| *by_normal = by_y * gain);
            let mean = sum(&by_normal) / width as f32;
            let along = dot(&by_normal, normal) / width as f32;
            for ((by_x, by_normal), normal) in by_x.iter_mut().zip(&by_normal).zip(normal) {
                *by_x += (by_normal - mean - normal * along) * inverse;
            }
        }
    }
}

/// The derivative by a gain: over sequences and rows in their order, the sum of the normal values times the derivative by y.
pub(super) fn by_gain<'a>(sequences: impl Iterator<Item = (&'a NormPass, &'a [f32])>, into: &mut [f32]) {
    into.fill(0.0);
    let width = into.len();
    for (pass, by_y) in sequences {
        for (normal, by_y) in pass.normal.chunks_exact(width).zip(by_y.chunks_exact(width)) {
            into.iter_mut().zip(normal).zip(by_y).for_each(|((sum, normal), by_y)| *sum += normal * by_y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::difference::{check, numbers};
    use crate::lm::linear::by_bias;

    const WIDTH: usize = 11;
    const PLACES: NormPlaces = NormPlaces { gain: 0..WIDTH, bias: WIDTH..2 * WIDTH };

    fn forward(part: &[f32], x: &[f32]) -> NormPass {
        let mut pass = NormPass::new(x.len() / WIDTH, WIDTH);
        Norm::new(part, &PLACES).forward(x, &mut pass);
        pass
    }

    #[test]
    fn a_row_gets_mean_zero_and_deviation_one() {
        let mut part = vec![1.0; 2 * WIDTH];
        part[WIDTH..].fill(0.0);
        let y = forward(&part, &numbers(WIDTH, 1)).y;
        assert!(sum(&y).abs() < 1e-5 && (dot(&y, &y) / WIDTH as f32 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let (part, slope) = (numbers(2 * WIDTH, 2), numbers(3 * WIDTH, 4));
        // Values of the order of 3, so that a step of 2^-6 is small beside their deviation.
        let x: Vec<f32> = numbers(3 * WIDTH, 3).iter().map(|x| 3.0 * x).collect();
        let pass = forward(&part, &x);
        let mut by_x = vec![0.0; x.len()];
        Norm::new(&part, &PLACES).backward(&pass, &slope, &mut by_x);
        check(&x, &by_x, &slope, |x| forward(&part, x).y);

        let mut by_part = vec![f32::NAN; 2 * WIDTH];
        by_gain([(&pass, &slope[..])].into_iter(), &mut by_part[..WIDTH]);
        by_bias([&slope[..]].into_iter(), &mut by_part[WIDTH..]);
        check(&part, &by_part, &slope, |part| forward(part, &x).y);
    }

    #[test]
    fn the_derivative_is_added() {
        let (part, x, slope) = (numbers(2 * WIDTH, 2), numbers(WIDTH, 3), numbers(WIDTH, 4));
        let pass = forward(&part, &x);
        let (mut once, mut added) = (vec![0.0; WIDTH], vec![1.0; WIDTH]);
        Norm::new(&part, &PLACES).backward(&pass, &slope, &mut once);
        Norm::new(&part, &PLACES).backward(&pass, &slope, &mut added);
        assert!(once.iter().zip(&added).all(|(once, added)| (once + 1.0 - added).abs() < 1e-5));
    }
}
