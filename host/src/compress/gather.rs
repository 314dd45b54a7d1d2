//! The one pass over a run: everything that reaches a bound.
//!
//! At K = 1 % a seventh of all blocks have something to gather, and which ones cannot be predicted, so the pass over the
//! values does not branch on them: a block is written down in any case, and counted or not.

use super::pieces::{self, deal};
use super::{magnitude, rank::Limit};
use crate::topk::Kept;

/// Elements that are looked at together.
const BLOCK: usize = 16;
/// Elements that are added and looked at while they lie in the first cache.
const STRETCH: usize = 1 << 11;

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
#[derive(Default)]
struct Part {
    offsets: Vec<u32>,
    values: Vec<f32>,
    /// Number of a piece, and where what it had ends in the lists.
    pieces: Vec<(usize, usize)>,
}

/// What was gathered of a run.
pub struct Gathered(Vec<Part>);

impl Gathered {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.values.len()).sum()
    }

    /// All values, in no order.
    pub fn values(&self) -> Vec<&[f32]> {
        self.0.iter().map(|part| part.values.as_slice()).collect()
    }

    /// The `count` elements that the limit lets pass, by index. They must be among the gathered ones.
    pub fn largest(&self, limit: Limit, count: usize) -> Kept {
        let mut pieces: Vec<(usize, &[u32], &[f32])> = Vec::new();
        for part in &self.0 {
            let mut begin = 0;
            for &(number, end) in &part.pieces {
                pieces.push((number, &part.offsets[begin..end], &part.values[begin..end]));
                begin = end;
            }
        }
        pieces.sort_unstable_by_key(|(number, ..)| *number);
        // One more, for what is written down and not counted.
        let mut kept = Kept { indices: vec![0; count + 1], values: vec![0.0; count + 1] };
        let (mut end, mut ties) = (0, limit.ties);
        for (number, offsets, values) in pieces {
            let base = (number * pieces::ELEMENTS) as u64;
            for (&offset, &value) in offsets.iter().zip(values) {
                let found = magnitude(value);
                let tie = usize::from(found == limit.magnitude) & usize::from(ties > 0);
                ties -= tie;
                kept.indices[end] = base + u64::from(offset);
                kept.values[end] = value;
                end += usize::from(found > limit.magnitude) | tie;
            }
        }
        kept.indices.truncate(end);
        kept.values.truncate(end);
        kept
    }
}

/// Gathers what reaches the bound in a run.
pub fn gather(run: &[f32], threads: usize, bound: Bound) -> Gathered {
    let start = || Part::sized(bound.expected / threads);
    Gathered(deal(run.chunks(pieces::ELEMENTS), threads, start, |part: &mut Part, number, values: &[f32]| {
        let mut scan = Scan { bound, part, offset: 0 };
        values.chunks(STRETCH).for_each(|stretch| scan.pass(stretch));
        part.pieces.push((number, part.values.len()));
    }))
}

/// Adds the residual to the gradients, and gathers what reaches the bound in the sums.
pub fn add_and_gather(grads: &mut [f32], residual: &[f32], threads: usize, bound: Bound) -> Gathered {
    let start = || Part::sized(bound.expected / threads);
    let pieces = grads.chunks_mut(pieces::ELEMENTS).zip(residual.chunks(pieces::ELEMENTS));
    Gathered(deal(pieces, threads, start, |part: &mut Part, number, (sums, residual): (&mut [f32], &[f32])| {
        let mut scan = Scan { bound, part, offset: 0 };
        for (sums, residual) in sums.chunks_mut(STRETCH).zip(residual.chunks(STRETCH)) {
            sums.iter_mut().zip(residual).for_each(|(sum, residual)| *sum += residual);
            scan.pass(sums);
        }
        part.pieces.push((number, part.values.len()));
    }))
}

impl Part {
    fn sized(elements: usize) -> Part {
        Part { offsets: Vec::with_capacity(elements), values: Vec::with_capacity(elements), pieces: Vec::new() }
    }
}

/// A pass over a piece.
struct Scan<'a> {
    bound: Bound,
    part: &'a mut Part,
    /// Where in the piece the next stretch begins.
    offset: u32,
}

impl Scan<'_> {
    /// Gathers of a stretch of at most [`STRETCH`] elements.
    fn pass(&mut self, stretch: &[f32]) {
        let (blocks, rest) = stretch.as_chunks::<BLOCK>();
        let least = self.bound.least;
        let (mut hit_blocks, mut count) = ([0u32; STRETCH / BLOCK], 0);
        for (number, block) in blocks.iter().enumerate() {
            hit_blocks[count % (STRETCH / BLOCK)] = number as u32;
            count += usize::from(reached(block, least));
        }
        let (mut hits, mut found) = ([0u16; STRETCH], 0);
        for &number in &hit_blocks[..count] {
            let mut left = hit_mask(&blocks[number as usize], least);
            while left != 0 {
                hits[found % STRETCH] = (number * BLOCK as u32 + left.trailing_zeros()) as u16;
                found += 1;
                left &= left - 1;
            }
        }
        for (at, &value) in (blocks.len() * BLOCK..).zip(rest) {
            hits[found % STRETCH] = at as u16;
            found += usize::from(magnitude(value) >= least);
        }
        self.take(stretch, &hits[..found]);
        self.offset += stretch.len() as u32;
    }

    fn take(&mut self, stretch: &[f32], hits: &[u16]) {
        let value = |&at: &u16| stretch[usize::from(at)];
        let offset = self.offset;
        if self.bound.ties == usize::MAX {
            self.part.offsets.extend(hits.iter().map(|&at| offset + u32::from(at)));
            self.part.values.extend(hits.iter().map(value));
            return;
        }
        for hit in hits {
            let tie = magnitude(value(hit)) == self.bound.least;
            if !tie || self.bound.ties > 0 {
                self.bound.ties -= usize::from(tie);
                self.part.offsets.push(offset + u32::from(*hit));
                self.part.values.push(value(hit));
            }
        }
    }
}

/// Whether an element has at least this magnitude. Nothing but comparisons of signed words, which the compiler makes vector
/// instructions that every processor has.
fn reached(block: &[f32; BLOCK], least: u32) -> bool {
    let below = (least as i32).wrapping_sub(1);
    block.iter().fold(false, |any, &value| any | (magnitude(value) as i32 > below))
}

/// A bit for each element that has at least this magnitude, the first one lowest. The bits come from a table, so that this too
/// becomes vector instructions; a bit 0 in it would be taken for a truth value, and its element done apart.
fn hit_mask(block: &[f32; BLOCK], least: u32) -> u32 {
    const BITS: [u32; BLOCK] = {
        let mut bits = [0; BLOCK];
        let mut place = 0;
        while place < BLOCK {
            bits[place] = 1 << (place + BLOCK);
            place += 1;
        }
        bits
    };
    let below = (least as i32).wrapping_sub(1);
    let hits = block.iter().zip(&BITS).map(|(&value, bit)| if magnitude(value) as i32 > below { *bit } else { 0 });
    hits.fold(0, |mask, bit| mask | bit) >> BLOCK
}
