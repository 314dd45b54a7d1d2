//! The K-th largest magnitude. A sample gives two magnitudes that it most likely lies between, and of the few values there it is found
//! by moving them about (after Floyd and Rivest). Where many are equal, by counting: which of 65,536 intervals it lies in, and then
//! where in the interval.

use super::magnitude;
use super::simd::STRETCH;
use crate::crew::Crew;
use std::ops::RangeInclusive;

/// Bits of a magnitude that the second count looks at; the first looks at the 16 above.
const LOW_BITS: u32 = 15;
/// So many values are moved about without a sample.
const FEW: usize = 1 << 15;
/// Values for each one in a sample, and the most in a sample.
const STRIDE: usize = 64;
const SAMPLES: usize = 1 << 16;

/// Which elements are among the K largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The magnitude of the K-th largest: what is larger is kept.
    pub magnitude: u32,
    /// How many of just this magnitude are kept, those of the lowest indices.
    pub ties: usize,
}

/// The limit of the `count` largest of all these values; `count` is 1 to their number.
pub fn kth_largest(values: &[&[f32]], count: usize, crew: &Crew) -> Limit {
    if number(values) <= FEW {
        return of_few(values, count);
    }
    of_a_middle(values, count, crew).unwrap_or_else(|| of_many(values, count, crew))
}

fn number(values: &[&[f32]]) -> usize {
    values.iter().map(|part| part.len()).sum()
}

fn pieces<'a>(values: &[&'a [f32]]) -> Vec<&'a [f32]> {
    values.iter().flat_map(|part| part.chunks(super::PIECE)).collect()
}

fn of_few(values: &[&[f32]], count: usize) -> Limit {
    let mut magnitudes = Vec::with_capacity(number(values));
    values.iter().for_each(|part| magnitudes.extend(part.iter().copied().map(magnitude)));
    largest(&mut magnitudes, count)
}

fn largest(magnitudes: &mut [u32], count: usize) -> Limit {
    let (larger, &mut kth, _) = magnitudes.select_nth_unstable_by(count - 1, |a, b| b.cmp(a));
    // Those before it are not smaller; equal ones among them are ties like itself.
    let ties = 1 + larger.iter().filter(|found| **found == kth).count();
    Limit { magnitude: kth, ties }
}

/// The limit by way of a sample. `None` where a quarter of the values lie between its two magnitudes, or where, rarely, the K-th does not.
fn of_a_middle(values: &[&[f32]], count: usize, crew: &Crew) -> Option<Limit> {
    let most = number(values) / 4;
    let range = around(values, count);
    let found = crew.deal(pieces(values).into_iter(), Middle::default, |middle, _, piece: &[f32]| {
        if middle.inside.len() <= most {
            middle.take(piece, &range);
        }
    });
    let (mut above, mut inside) = (0, Vec::new());
    for middle in found {
        above += middle.above;
        inside.extend(middle.inside);
    }
    let found = above < count && count <= above + inside.len() && inside.len() <= most;
    found.then(|| largest(&mut inside, count - above))
}

/// What one thread finds: how many magnitudes lie above a range, and those inside.
#[derive(Default)]
struct Middle {
    above: usize,
    inside: Vec<u32>,
}

impl Middle {
    fn take(&mut self, piece: &[f32], range: &RangeInclusive<u32>) {
        let (least, most) = (*range.start(), *range.end());
        let width = most - least;
        for piece in piece.chunks(STRETCH) {
            let (mut end, mut above) = (self.inside.len(), 0);
            self.inside.resize(end + piece.len(), 0);
            for found in piece.iter().copied().map(magnitude) {
                // Written down in any case, and counted or not.
                self.inside[end] = found;
                end += usize::from(found.wrapping_sub(least) <= width);
                above += usize::from(found > most);
            }
            self.above += above;
            self.inside.truncate(end);
        }
    }
}

/// Magnitudes that the `count`-th largest most likely lies between.
fn around(values: &[&[f32]], count: usize) -> RangeInclusive<u32> {
    let number = number(values);
    let samples = (number / STRIDE).clamp(1, SAMPLES);
    let stride = number / samples;
    let mut taken: Vec<u32> = Vec::with_capacity(samples);
    let mut before = 0;
    for part in values {
        // Somewhere else in each stretch, so that no period of the values can hide from the sample.
        let at = |place: usize| place * stride + super::scattered(place, stride);
        let here = (taken.len()..samples).map(at).take_while(|at| *at < before + part.len());
        taken.extend(here.map(|at| magnitude(part[at - before])));
        before += part.len();
    }
    let part = count as f64 / number as f64;
    let rank = part * samples as f64;
    // Five standard deviations to either side.
    let apart = 5.0 * (rank * (1.0 - part)).sqrt() + 2.0;
    let mut nth = |rank: usize| *taken.select_nth_unstable_by(rank, |a, b| b.cmp(a)).1;
    let (first, last) = (rank - apart, rank + apart);
    let most = if first < 0.0 { u32::MAX } else { nth(first as usize) };
    let least = if last >= samples as f64 { 0 } else { nth(last as usize) };
    least..=most
}

fn of_many(values: &[&[f32]], count: usize, crew: &Crew) -> Limit {
    let high = histogram(values, crew, 1 << (31 - LOW_BITS), |found| Some((found >> LOW_BITS) as usize));
    let (interval, within) = from_the_top(&high, count);
    let low = histogram(values, crew, 1 << LOW_BITS, |found| {
        let offset = found as usize & ((1 << LOW_BITS) - 1);
        (found as usize >> LOW_BITS == interval).then_some(offset)
    });
    let (offset, ties) = from_the_top(&low, within);
    Limit { magnitude: (interval << LOW_BITS | offset) as u32, ties }
}

fn histogram(values: &[&[f32]], crew: &Crew, bins: usize, bin: impl Fn(u32) -> Option<usize> + Sync) -> Vec<usize> {
    let count = |counts: &mut Vec<usize>, _, piece: &[f32]| {
        for found in piece.iter().copied().map(magnitude) {
            if let Some(bin) = bin(found) {
                counts[bin] += 1;
            }
        }
    };
    let counted = crew.deal(pieces(values).into_iter(), || vec![0; bins], count);
    let sum = |mut sums: Vec<usize>, counts: Vec<usize>| {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        sums
    };
    counted.into_iter().reduce(sum).unwrap_or_default()
}

/// The bin in which the `count`-th from the top lies, and which from the top of the bin it is.
fn from_the_top(counts: &[usize], count: usize) -> (usize, usize) {
    let mut left = count;
    for (bin, &here) in counts.iter().enumerate().rev() {
        if left <= here {
            return (bin, left);
        }
        left -= here;
    }
    unreachable!("count is at most the number of values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::tests::runs;

    /// Few values, for all ways to take little time; in two parts of which one is empty now and then.
    #[test]
    fn all_ways_find_the_same() {
        let crews = [1, 3].map(|threads| Crew::new(std::num::NonZero::new(threads)));
        for (name, run) in runs(70_000) {
            let mut by_sample = 0;
            for (count, middle) in [(1, 0), (2, 1), (700, 35_000), (35_000, 69_999), (69_999, 70_000), (70_000, 5)] {
                let (one, two) = run.split_at(middle);
                let expected = of_few(&[one, two], count);
                for crew in &crews {
                    let of = format!("{name}, {count}, {crew:?}");
                    assert_eq!(of_many(&[one, two], count, crew), expected, "{of}");
                    if let Some(found) = of_a_middle(&[one, two], count, crew) {
                        assert_eq!(found, expected, "{of}");
                        by_sample += 1;
                    }
                }
            }
            // Six counts on one thread and on three.
            match name {
                "any finite bits" | "normal in size" | "subnormal" | "ascending" | "descending" => {
                    assert_eq!(by_sample, 12, "{name}")
                }
                "constant" | "zeros of both signs" => assert_eq!(by_sample, 0, "{name}"),
                _ => {}
            }
        }
    }
}
