//! The one pass over a run: everything that reaches a bound.

use super::simd::{Hits, Level, STRETCH};
use super::{magnitude, rank::Limit};
use crate::crew::Crew;
use crate::topk::Kept;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The least magnitude.
    pub least: u32,
    /// Of elements that have just this magnitude, how many are enough in each piece.
    pub ties: usize,
    /// How many elements are expected, to take memory for them at once.
    pub expected: usize,
}

impl Bound {
    /// Gathers nothing but NaNs.
    pub const NOTHING: Bound = Bound { least: 0x7f80_0001, ties: usize::MAX, expected: 0 };
}

/// What one thread found: offsets in pieces, and values.
struct Part {
    offsets: Vec<u32>,
    values: Vec<f32>,
    /// Number of a piece, and where what it had ends in the lists.
    pieces: Vec<(usize, usize)>,
    hits: Box<Hits>,
}

/// What was gathered of a run.
pub struct Gathered(Vec<Part>);

/// Lists of earlier runs, whose memory the next one uses: memory that is new to the process costs more than what is written
/// into it.
#[derive(Default)]
pub struct Spare(Mutex<Vec<Part>>);

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spare")
    }
}

impl Spare {
    fn take(&self, expected: usize) -> Part {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut part = spare.unwrap_or_else(Part::new);
        // Twice as much: pieces are not dealt evenly, and memory that is not touched costs nothing.
        part.offsets.reserve(2 * expected);
        part.values.reserve(2 * expected);
        part
    }

    /// Takes the lists of what was gathered, empty.
    pub fn give(&self, gathered: Gathered) {
        let mut parts = gathered.0;
        for part in &mut parts {
            part.offsets.clear();
            part.values.clear();
            part.pieces.clear();
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut parts);
    }
}

/// What was gathered of a piece, and where the kept ones of it go.
struct Sieve<'a> {
    base: u64,
    offsets: &'a [u32],
    values: &'a [f32],
    ties: usize,
    kept: (&'a mut [u64], &'a mut [f32]),
}

impl Gathered {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.values.len()).sum()
    }

    /// All values, in no order.
    pub fn values(&self) -> Vec<&[f32]> {
        self.0.iter().map(|part| part.values.as_slice()).collect()
    }

    /// The `count` elements that the limit lets pass, by index, and whether one of them is NaN. They must be among the gathered
    /// ones.
    pub fn largest(&self, limit: Limit, count: usize, crew: &Crew) -> (Kept, bool) {
        let mut kept = Kept { indices: vec![0; count], values: vec![0.0; count] };
        let (mut indices, mut values, mut ties) = (&mut kept.indices[..], &mut kept.values[..], limit.ties);
        let mut sieves = Vec::new();
        for (number, offsets, found) in self.pieces() {
            let (larger, equal) = reaching(found, limit.magnitude);
            let equal = equal.min(ties);
            let base = (number * super::PIECE) as u64;
            let kept = (
                indices.split_off_mut(..larger + equal).unwrap_or_default(),
                values.split_off_mut(..larger + equal).unwrap_or_default(),
            );
            sieves.push(Sieve { base, offsets, values: found, ties: equal, kept });
            ties -= equal;
        }
        let largest = crew.deal(
            sieves.into_iter(),
            || 0,
            |largest, _, sieve: Sieve| *largest = sieve.pass(limit.magnitude).max(*largest),
        );
        let nan = largest.into_iter().any(|largest| f32::from_bits(largest).is_nan());
        (kept, nan)
    }

    /// Number, offsets and values of every piece, in order.
    fn pieces(&self) -> Vec<(usize, &[u32], &[f32])> {
        let mut pieces = Vec::new();
        for part in &self.0 {
            let mut begin = 0;
            for &(number, end) in &part.pieces {
                pieces.push((number, &part.offsets[begin..end], &part.values[begin..end]));
                begin = end;
            }
        }
        pieces.sort_unstable_by_key(|(number, ..)| *number);
        pieces
    }
}

/// How many values of a piece are larger than the limit, and how many reach just it.
fn reaching(values: &[f32], limit: u32) -> (usize, usize) {
    let (mut larger, mut equal) = (0, 0);
    for found in values.iter().copied().map(magnitude) {
        larger += u32::from(found > limit);
        equal += u32::from(found == limit);
    }
    (larger as usize, equal as usize)
}

impl Sieve<'_> {
    /// Gives the largest magnitude of all.
    fn pass(self, limit: u32) -> u32 {
        let (indices, kept) = self.kept;
        let (mut end, mut ties, mut largest) = (0, self.ties, 0);
        for (&offset, &value) in self.offsets.iter().zip(self.values) {
            // Written down in any case, and counted or not.
            let (Some(index), Some(place)) = (indices.get_mut(end), kept.get_mut(end)) else { break };
            *index = self.base + u64::from(offset);
            *place = value;
            largest = largest.max(magnitude(value));
            let tie = usize::from(magnitude(value) == limit) & usize::from(ties > 0);
            ties -= tie;
            end += usize::from(magnitude(value) > limit) | tie;
        }
        largest
    }
}

/// Gathers what reaches the bound in a run.
pub fn gather(run: &[f32], level: Level, crew: &Crew, bound: Bound, spare: &Spare) -> Gathered {
    let start = || spare.take(bound.expected / crew.threads());
    Gathered(crew.deal(run.chunks(super::PIECE), start, |part: &mut Part, number, piece: &[f32]| {
        let (mut offset, mut ties) = (0, bound.ties);
        for stretch in piece.chunks(STRETCH) {
            level.pass(stretch, bound.least, &mut part.hits);
            part.take(offset, bound.least, &mut ties);
            offset += stretch.len() as u32;
        }
        part.pieces.push((number, part.values.len()));
    }))
}

/// Adds the residual to the gradients, and gathers what reaches the bound in the sums.
pub fn add_and_gather(
    grads: &mut [f32],
    residual: &[f32],
    level: Level,
    crew: &Crew,
    bound: Bound,
    spare: &Spare,
) -> Gathered {
    let start = || spare.take(bound.expected / crew.threads());
    let pieces = grads.chunks_mut(super::PIECE).zip(residual.chunks(super::PIECE));
    Gathered(crew.deal(pieces, start, |part: &mut Part, number, (sums, residual): (&mut [f32], &[f32])| {
        let (mut offset, mut ties) = (0, bound.ties);
        for (sums, residual) in sums.chunks_mut(STRETCH).zip(residual.chunks(STRETCH)) {
            level.add_and_pass(sums, residual, bound.least, &mut part.hits);
            part.take(offset, bound.least, &mut ties);
            offset += sums.len() as u32;
        }
        part.pieces.push((number, part.values.len()));
    }))
}

impl Part {
    fn new() -> Part {
        Part { offsets: Vec::new(), values: Vec::new(), pieces: Vec::new(), hits: Box::new(Hits::new()) }
    }

    /// Takes what was found in a stretch that begins at `offset`; of what has just the magnitude `least`, only so many as
    /// there are ties left.
    fn take(&mut self, offset: u32, least: u32, ties: &mut usize) {
        let (offsets, values) = (self.hits.offsets(), self.hits.values());
        if *ties == usize::MAX {
            self.offsets.extend(offsets.iter().map(|at| offset + at));
            self.values.extend_from_slice(values);
            return;
        }
        for (at, &value) in offsets.iter().zip(values) {
            let tie = magnitude(value) == least;
            if !tie || *ties > 0 {
                *ties -= usize::from(tie);
                self.offsets.push(offset + at);
                self.values.push(value);
            }
        }
    }
}
