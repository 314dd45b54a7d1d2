//! A guess, from a sample, of a magnitude that is reached by the K largest and by few others.
//!
//! A guess only saves work: what is kept does not depend on it.

use super::gather::Bound;
use super::rank::kth_largest;
use crate::crew::Crew;

/// Where the sample is taken.
const PLACES: usize = 1 << 12;
/// Neighbours that are taken at a place, for what a cache line costs.
const NEIGHBOURS: usize = 4;

/// A bound for the `count` largest of `elements`, or `None` where a sample cannot help: where so much is equal that
/// gathering would gather it all. A run is at least `PLACES · NEIGHBOURS` long.
pub fn bound(elements: usize, count: usize, crew: &Crew, value: impl Fn(usize) -> f32 + Sync) -> Option<Bound> {
    let samples = PLACES * NEIGHBOURS;
    let expected = count as f64 / elements as f64 * samples as f64;
    // Six standard deviations: neighbours resemble each other, so four of theirs may be worth one.
    let rank = (expected + 6.0 * expected.sqrt() + 8.0) as usize;
    if rank > samples {
        return None;
    }
    let stride = elements / PLACES;
    let neighbours = |place| {
        // Somewhere else in each stretch, so that no period of the run can hide from the sample.
        let at = place * stride + super::scattered(place, stride - NEIGHBOURS + 1);
        at..at + NEIGHBOURS
    };
    // Hardly any of it is in a cache, and each thread waits for memory.
    let share = PLACES.div_ceil(crew.threads());
    let shares = (0..PLACES).step_by(share).map(|begin| begin..PLACES.min(begin + share));
    let taken: Vec<Vec<f32>> = crew.deal(shares, Vec::new, |taken: &mut Vec<f32>, _, places| {
        taken.extend(places.flat_map(neighbours).map(&value));
    });
    let taken: Vec<&[f32]> = taken.iter().map(Vec::as_slice).collect();
    let limit = kth_largest(&taken, rank, crew);
    let reached = taken.iter().copied().flatten().filter(|value| super::magnitude(**value) >= limit.magnitude).count();
    let part = reached as f64 / samples as f64;
    let bound = Bound { least: limit.magnitude, ties: usize::MAX, expected: (part * elements as f64) as usize };
    (reached <= 2 * rank).then_some(bound)
}
