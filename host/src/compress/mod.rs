//! The compressor: the K elements of largest magnitude of a flat run, exactly.
//!
//! Elements are ordered by the bits of their absolute value, so that an infinity is larger than every number and both zeros
//! are alike; among equals the lowest index goes first. The result depends neither on the number of threads nor on the processor.
//!
//! A full sort is never done, and as a rule the run is read once: a sample says which magnitude is safely below the K-th
//! largest, and what reaches that is gathered while the run passes (`gather`, `simd`); the K-th largest is then found among
//! what was gathered (`rank`). Where the sample was wrong or cannot help (short runs, much that is equal, nearly all kept) it
//! is found in the run itself, and the run gathered after that.
//!
//! With error feedback the run is `gradients + residual`, and what is not sent of it is the next residual: elements that are
//! not kept, and of those that are, what rounding to the stream's format loses.

mod amount;
mod gather;
mod rank;
mod sample;
mod simd;

pub use amount::{Amount, CompressError};

use crate::crew::Crew;
use crate::topk::{Kept, ValueFormat};
use gather::{add_and_gather, gather, Bound, Gathered, Spare};
use simd::Level;
use std::num::NonZero;

/// Elements of a piece, which one thread takes at a time: long enough that taking one costs nothing, short enough that a thread which
/// is held up does not hold up the others.
const PIECE: usize = 1 << 17;

/// Runs that are not longer are counted at once: they lie in the cache, and a sample would be most of them.
const SHORT: usize = 1 << 16;

/// Chooses and keeps elements, on all cores. Its threads wait for the next run, and so does the memory of its lists: about 8 bytes an
/// element that the largest run kept.
#[derive(Debug)]
pub struct Compressor {
    crew: Crew,
    level: Level,
    spare: Spare,
}

/// What [`Compressor::with_feedback`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// The kept elements of gradients + residual, rounded to the format.
    pub kept: Kept,
    /// Whether every kept value is finite after rounding. If not, the step will be skipped for overflow, and what is in the
    /// gradients' place is no residual: the one before stays valid.
    pub finite: bool,
}

impl Compressor {
    /// With this many threads, or one a core.
    pub fn new(threads: Option<NonZero<usize>>) -> Compressor {
        Compressor { crew: Crew::new(threads), level: Level::detect(), spare: Spare::default() }
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.crew.threads()
    }

    /// The elements of `run` with the largest magnitudes, as they are.
    ///
    /// # Errors
    ///
    /// When `amount` does not fit the run, and [`CompressError::NaN`].
    pub fn select(&self, run: &[f32], amount: Amount) -> Result<Kept, CompressError> {
        let count = amount.of(run.len() as u64)? as usize;
        let guess = self.guess(run.len(), count, |index| run[index]);
        let passed = guess.map(|bound| gather(run, self.level, &self.crew, bound, &self.spare));
        self.finish(run, count, passed)
    }

    /// The elements of `grads + residual` with the largest magnitudes, rounded to `format`. Afterwards `grads` holds the next
    /// residual, if [`Feedback::finite`]; `residual` is not changed, so that a step which fails or is skipped loses nothing.
    ///
    /// Residuals have the gradients' scale: whoever changes the loss scale multiplies them.
    ///
    /// # Errors
    ///
    /// When `amount` does not fit the run, when residual and gradients differ in length, and [`CompressError::NaN`] for a
    /// sum that is NaN. What is in `grads` is then of no use.
    pub fn with_feedback(
        &self,
        grads: &mut [f32],
        residual: &[f32],
        amount: Amount,
        format: ValueFormat,
    ) -> Result<Feedback, CompressError> {
        if grads.len() != residual.len() {
            let (grads, residual) = (grads.len() as u64, residual.len() as u64);
            return Err(CompressError::Lengths { grads, residual });
        }
        let count = amount.of(grads.len() as u64)? as usize;
        let guess = self.guess(grads.len(), count, |index| grads[index] + residual[index]);
        // The sums are needed in any case.
        let gathered =
            add_and_gather(grads, residual, self.level, &self.crew, guess.unwrap_or(Bound::NOTHING), &self.spare);
        let mut kept = self.finish(grads, count, guess.map(|_| gathered))?;
        let finite = self.round(grads, &mut kept, format);
        Ok(Feedback { kept, finite })
    }

    /// Rounds what is kept of a run, and leaves in its place what rounding loses. Whether all of it is still finite.
    fn round(&self, run: &mut [f32], kept: &mut Kept, format: ValueFormat) -> bool {
        let (mut indices, mut values) = (&kept.indices[..], &mut kept.values[..]);
        let mut pieces = Vec::new();
        for (begin, piece) in (0..).step_by(PIECE).zip(run.chunks_mut(PIECE)) {
            let inside = indices.partition_point(|index| *index < begin + piece.len() as u64);
            let (first, others) = indices.split_at(inside);
            indices = others;
            pieces.push((begin, piece, first, values.split_off_mut(..inside).unwrap_or_default()));
        }
        let finite = self.crew.deal(
            pieces.into_iter(),
            || true,
            |finite, _, (begin, piece, indices, values)| {
                for (index, value) in indices.iter().zip(values) {
                    let sent = format.round(*value);
                    *finite &= sent.is_finite();
                    // Exact: the difference of a value and its rounding is a multiple of the value's last place, and small.
                    piece[(index - begin) as usize] = *value - sent;
                    *value = sent;
                }
            },
        );
        finite.into_iter().all(|finite| finite)
    }

    /// A bound that most likely at least `count` elements reach, and not many more.
    fn guess(&self, elements: usize, count: usize, value: impl Fn(usize) -> f32 + Sync) -> Option<Bound> {
        if elements <= SHORT {
            return None;
        }
        sample::bound(elements, count, &self.crew, value)
    }

    /// Exactly `count` elements of `run`: of what was gathered, if that is enough, else of the run.
    fn finish(&self, run: &[f32], count: usize, passed: Option<Gathered>) -> Result<Kept, CompressError> {
        let (limit, gathered) = match passed.filter(|gathered| gathered.len() >= count) {
            Some(gathered) => (rank::kth_largest(&gathered.values(), count, &self.crew), gathered),
            None => {
                let limit = rank::kth_largest(&[run], count, &self.crew);
                let bound = Bound { least: limit.magnitude, ties: limit.ties, expected: count };
                (limit, gather(run, self.level, &self.crew, bound, &self.spare))
            }
        };
        let (kept, nan) = gathered.largest(limit, count, &self.crew);
        self.spare.give(gathered);
        // A NaN's bits are larger than any magnitude's, so if there is one, then one is kept: not always the first.
        if nan {
            let index = run.iter().position(|value| value.is_nan()).unwrap_or_default() as u64;
            return Err(CompressError::NaN { index });
        }
        Ok(kept)
    }
}

impl Default for Compressor {
    /// With a thread a core.
    fn default() -> Compressor {
        Compressor::new(None)
    }
}

/// The bits of the absolute value: ordered as magnitudes are, above infinity for a NaN.
fn magnitude(value: f32) -> u32 {
    value.to_bits() & 0x7fff_ffff
}

/// A number below `bound` that depends on `place` and seems to follow no rule.
fn scattered(place: usize, bound: usize) -> usize {
    ((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % bound
}

#[cfg(test)]
mod tests;
