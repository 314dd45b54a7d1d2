//! A guess, from a sample, of a magnitude that is reached by the K largest and by few others.
//!
//! A guess only saves work: what is kept does not depend on it.

use super::gather::Bound;
use super::rank::kth_largest;

/// Where the sample is taken.
const PLACES: usize = 1 << 12;
/// Neighbours that are taken at a place, for what a cache line costs.
const NEIGHBOURS: usize = 4;

/// A bound for the `count` largest of `elements`, or `None` where a sample cannot help: where so much is equal that
/// gathering would gather it all. A run is at least `PLACES · NEIGHBOURS` long.
pub fn bound(elements: usize, count: usize, value: impl Fn(usize) -> f32) -> Option<Bound> {
    let samples = PLACES * NEIGHBOURS;
    let expected = count as f64 / elements as f64 * samples as f64;
    // Six standard deviations: neighbours resemble each other, so four of theirs may be worth one.
    let rank = (expected + 6.0 * expected.sqrt() + 8.0) as usize;
    if rank > samples {
        return None;
    }
    let stride = elements / PLACES;
    let taken: Vec<f32> = (0..PLACES)
        .flat_map(|place| {
            // Somewhere else in each stretch, so that no period of the run can hide from the sample.
            let somewhere = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let at = place * stride + somewhere as usize % (stride - NEIGHBOURS + 1);
            at..at + NEIGHBOURS
        })
        .map(value)
        .collect();
    let limit = kth_largest(&[&taken], rank, 1);
    let reached = taken.iter().filter(|value| super::magnitude(**value) >= limit.magnitude).count();
    let part = reached as f64 / samples as f64;
    let bound = Bound { least: limit.magnitude, ties: usize::MAX, expected: (part * elements as f64) as usize };
    (reached <= 2 * rank).then_some(bound)
}
