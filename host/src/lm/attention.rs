//! Causal attention with several heads (Vaswani et al., 2017): a row looks at itself and the rows before it.
//!
//! `softmax(q · kᵀ / sqrt(head width)) · v`, head by head. Queries, keys and values lie side by side in a row of `qkv`:
//! `[q of all heads | k of all heads | v of all heads]`. Each row that lies between takes a head's slope off the score (ALiBi: Press et al.,
//! "Train Short, Test Long", 2022, with steeper slopes), so that heads begin by looking at the last few bytes, where most of what
//! decides a byte is: without it a run stays at what one byte says of the next for hundreds of steps. Rows are taken in strips, so that only the last square of a strip
//! computes products which the mask then drops.

use super::elementary::{dot, softmax};
use super::matrix::{product, rows, rows_mut};
use super::shape::Shape;
use ndarray::{s, ArrayView2};
use std::ops::Range;

/// Rows of a strip.
const STRIP: usize = 64;
/// A slope that no head has; the first of many heads comes near it.
const STEEPEST: f32 = 4.0;

/// The sizes of an attention.
#[derive(Clone, Copy)]
pub(super) struct Attention {
    width: usize,
    heads: usize,
    length: usize,
}

/// Room for the derivatives by the scores of a strip.
pub(super) struct Scratch {
    by_scores: Vec<f32>,
}

impl Attention {
    pub(super) fn new(shape: &Shape) -> Attention {
        Attention { width: shape.width, heads: shape.heads, length: shape.context }
    }

    pub(super) fn scratch(&self) -> Scratch {
        Scratch { by_scores: vec![0.0; STRIP.min(self.length) * self.length] }
    }

    /// Elements of the weights: for each head `[length, length]`.
    pub(super) fn weights(&self) -> usize {
        self.heads * self.length * self.length
    }

    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }

    /// What is taken off a head's score for each row that lies between: from head to head the same fraction of it, down to
    /// 1/256 of [`STEEPEST`] at the last one.
    fn slope(&self, head: usize) -> f32 {
        // Rounded, because the power of C libraries differs in its last digits.
        let fraction = 0.5f64.powf(8.0 * (head + 1) as f64 / self.heads as f64);
        STEEPEST * ((fraction * 1e6).round() * 1e-6) as f32
    }

    fn strips(&self) -> impl Iterator<Item = Range<usize>> {
        let length = self.length;
        (0..length).step_by(STRIP).map(move |begin| begin..length.min(begin + STRIP))
    }

    /// The columns of a head within queries, keys or values.
    fn columns(&self, head: usize) -> Range<usize> {
        head * self.head_width()..(head + 1) * self.head_width()
    }

    /// Queries, keys and values of a head.
    fn parts<'a>(&self, qkv: &'a [f32], head: usize) -> [ArrayView2<'a, f32>; 3] {
        let columns = self.columns(head);
        [0, 1, 2].map(|part| {
            let shift = part * self.width;
            rows(qkv, 3 * self.width).slice_move(s![.., columns.start + shift..columns.end + shift])
        })
    }

    /// The attended values `[length, width]` of `qkv` `[length, 3 width]`. `weights` keeps what was looked at.
    pub(super) fn forward(&self, qkv: &[f32], weights: &mut [f32], y: &mut [f32]) {
        let mut y = rows_mut(y, self.width);
        for (head, weights) in weights.chunks_exact_mut(self.length * self.length).enumerate() {
            let [q, k, v] = self.parts(qkv, head);
            let mut weights = rows_mut(weights, self.length);
            for strip in self.strips() {
                let seen = ..strip.end;
                let mut strip_weights = weights.slice_mut(s![strip.clone(), seen]);
                let q = q.slice(s![strip.clone(), ..]);
                product(self.scale(), &q, &k.slice(s![seen, ..]).t(), 0.0, &mut strip_weights);
                let slope = self.slope(head);
                for (row, mut weights) in strip.clone().zip(strip_weights.rows_mut()) {
                    let weights = weights.as_slice_mut().expect("a row lies in one piece");
                    let (past, future) = weights.split_at_mut(row + 1);
                    past.iter_mut().enumerate().for_each(|(at, score)| *score -= slope * (row - at) as f32);
                    softmax(past);
                    future.fill(0.0);
                }
                let mut y = y.slice_mut(s![strip, self.columns(head)]);
                product(1.0, &strip_weights.view(), &v.slice(s![seen, ..]), 0.0, &mut y);
            }
        }
    }

    /// The derivative by `qkv`, given that by y.
    pub(super) fn backward(
        &self,
        qkv: &[f32],
        weights: &[f32],
        by_y: &[f32],
        by_qkv: &mut [f32],
        scratch: &mut Scratch,
    ) {
        by_qkv.fill(0.0);
        let width = self.width;
        let mut by_qkv = rows_mut(by_qkv, 3 * width);
        for (head, weights) in weights.chunks_exact(self.length * self.length).enumerate() {
            let [q, k, v] = self.parts(qkv, head);
            let columns = self.columns(head);
            let by_y = rows(by_y, width).slice_move(s![.., columns.clone()]);
            let weights = rows(weights, self.length);
            let at = |part: usize| columns.start + part * width..columns.end + part * width;
            for strip in self.strips() {
                let seen = ..strip.end;
                let strip_weights = weights.slice(s![strip.clone(), seen]);
                let by_y = by_y.slice(s![strip.clone(), ..]);
                let mut by_scores = rows_mut(&mut scratch.by_scores[..strip.len() * strip.end], strip.end);
                product(1.0, &by_y, &v.slice(s![seen, ..]).t(), 0.0, &mut by_scores);
                for (mut by, weights) in by_scores.rows_mut().into_iter().zip(strip_weights.rows()) {
                    let by = by.as_slice_mut().expect("a row lies in one piece");
                    let weights = weights.to_slice().expect("a row lies in one piece");
                    // Where the mask dropped a product its weight is 0, and so is this.
                    let mean = dot(by, weights);
                    by.iter_mut().zip(weights).for_each(|(by, weight)| *by = weight * (*by - mean));
                }
                let by_scores = by_scores.view();
                let mut by_v = by_qkv.slice_mut(s![seen, at(2)]);
                product(1.0, &strip_weights.t(), &by_y, 1.0, &mut by_v);
                let mut by_k = by_qkv.slice_mut(s![seen, at(1)]);
                let strip_q = q.slice(s![strip.clone(), ..]);
                product(self.scale(), &by_scores.t(), &strip_q, 1.0, &mut by_k);
                let mut by_q = by_qkv.slice_mut(s![strip.clone(), at(0)]);
                product(self.scale(), &by_scores, &k.slice(s![seen, ..]), 0.0, &mut by_q);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lm::difference::{check, numbers};

    fn forward(attention: &Attention, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut weights = vec![f32::NAN; attention.weights()];
        let mut y = vec![f32::NAN; attention.length * attention.width];
        attention.forward(qkv, &mut weights, &mut y);
        (weights, y)
    }

    #[test]
    fn it_is_the_formula() {
        // Longer than a strip, and not a whole number of strips.
        let attention = Attention { width: 6, heads: 2, length: 75 };
        let qkv = numbers(75 * 18, 1);
        let (_, y) = forward(&attention, &qkv);
        for head in 0..2 {
            for row in 0..75 {
                let part = |row: usize, part: usize| &qkv[row * 18 + part * 6 + head * 3..][..3];
                let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
                // Two heads: 4 / 2^4 and 4 / 2^8.
                let slope = [0.25, 0.015625][head];
                let score = |other| inner(part(row, 0), part(other, 1)) / 3f64.sqrt() - slope * (row - other) as f64;
                let scores = (0..=row).map(|other| score(other).exp());
                let scores: Vec<f64> = scores.collect();
                for column in 0..3 {
                    let seen = scores.iter().enumerate();
                    let sum: f64 = seen.map(|(other, score)| score * f64::from(part(other, 2)[column])).sum();
                    let expected = sum / scores.iter().sum::<f64>();
                    let found = f64::from(y[row * 6 + head * 3 + column]);
                    assert!((found - expected).abs() < 1e-5, "head {head}, row {row}: {found} and not {expected}");
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_see_those_behind_it() {
        let attention = Attention { width: 8, heads: 2, length: 70 };
        let mut qkv = numbers(70 * 24, 2);
        let (_, before) = forward(&attention, &qkv);
        qkv[66 * 24..].fill(1e6);
        let (_, after) = forward(&attention, &qkv);
        assert_eq!(before[..66 * 8], after[..66 * 8]);
        assert_ne!(before[66 * 8..67 * 8], after[66 * 8..67 * 8]);
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        for length in [7, 66] {
            let attention = Attention { width: 4, heads: 2, length };
            let (qkv, slope) = (numbers(length * 12, 3), numbers(length * 4, 4));
            let (weights, _) = forward(&attention, &qkv);
            let mut by_qkv = vec![f32::NAN; qkv.len()];
            attention.backward(&qkv, &weights, &slope, &mut by_qkv, &mut attention.scratch());
            check(&qkv, &by_qkv, &slope, |qkv| forward(&attention, qkv).1);
        }
    }
}
