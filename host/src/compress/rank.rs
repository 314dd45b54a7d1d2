//! The K-th largest magnitude: of few values by moving them about, of many by counting, which of 65,536 intervals it lies in
//! and then where in the interval.

use super::magnitude;
use super::pieces::{self, deal};

/// Bits of a magnitude that the second count looks at; the first looks at the 16 above.
const LOW_BITS: u32 = 15;
/// Below this many values, moving them about on one thread is cheaper than clearing counters and starting threads twice.
const FEW: usize = 1 << 20;

/// Which elements are among the K largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The magnitude of the K-th largest: what is larger is kept.
    pub magnitude: u32,
    /// How many of just this magnitude are kept, those of the lowest indices.
    pub ties: usize,
}

/// The limit of the `count` largest of all these values; `count` is 1 to their number.
pub fn kth_largest(values: &[&[f32]], count: usize, threads: usize) -> Limit {
    if values.iter().map(|part| part.len()).sum::<usize>() < FEW {
        return of_few(values, count);
    }
    of_many(values, count, threads)
}

fn of_many(values: &[&[f32]], count: usize, threads: usize) -> Limit {
    let high = histogram(values, threads, 1 << (31 - LOW_BITS), |found| Some((found >> LOW_BITS) as usize));
    let (interval, within) = from_the_top(&high, count);
    let low = histogram(values, threads, 1 << LOW_BITS, |found| {
        let offset = found as usize & ((1 << LOW_BITS) - 1);
        (found as usize >> LOW_BITS == interval).then_some(offset)
    });
    let (offset, ties) = from_the_top(&low, within);
    Limit { magnitude: (interval << LOW_BITS | offset) as u32, ties }
}

fn of_few(values: &[&[f32]], count: usize) -> Limit {
    let mut magnitudes = Vec::with_capacity(values.iter().map(|part| part.len()).sum());
    values.iter().for_each(|part| magnitudes.extend(part.iter().copied().map(magnitude)));
    let (larger, &mut kth, _) = magnitudes.select_nth_unstable_by(count - 1, |a, b| b.cmp(a));
    // Those before it are not smaller; equal ones among them are ties like itself.
    let ties = 1 + larger.iter().filter(|found| **found == kth).count();
    Limit { magnitude: kth, ties }
}

fn histogram(values: &[&[f32]], threads: usize, bins: usize, bin: impl Fn(u32) -> Option<usize> + Sync) -> Vec<usize> {
    let count = |counts: &mut Vec<usize>, _, piece: &[f32]| {
        for found in piece.iter().copied().map(magnitude) {
            if let Some(bin) = bin(found) {
                counts[bin] += 1;
            }
        }
    };
    let pieces: Vec<&[f32]> = values.iter().flat_map(|part| part.chunks(pieces::ELEMENTS)).collect();
    let counted = deal(pieces.into_iter(), threads, || vec![0; bins], count);
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

    /// Few values, for both ways to take little time; in two parts of which one is empty now and then.
    #[test]
    fn both_ways_find_the_same() {
        for (name, run) in runs(70_000) {
            for (count, middle) in [(1, 0), (2, 1), (700, 35_000), (35_000, 69_999), (69_999, 70_000), (70_000, 5)] {
                let (one, two) = run.split_at(middle);
                let expected = of_few(&[one, two], count);
                for threads in [1, 3] {
                    assert_eq!(of_many(&[one, two], count, threads), expected, "{name}, {count}, {threads} threads");
                }
            }
        }
    }
}
