//! The inner loop of a pass, compiled for each vector unit of the processor: what reaches a bound is moved together.
//!
//! Nothing branches on the values: at K = 1 % a tenth of all vectors hold something to take, and which ones cannot be
//! predicted. With AVX2 a vector's hits are brought to its front and the vector is stored in any case; the next one is
//! stored behind the hits, over what was none. So a pass takes the same time whatever K is. Without AVX2 blocks are written
//! down likewise, and counted or not. A test compares the levels, element for element.

use super::magnitude;

/// Elements that are looked at together, while they lie in the first cache.
pub const STRETCH: usize = 1 << 11;
/// Elements of a block of the portable pass.
const BLOCK: usize = 16;
/// Elements of a vector.
const LANES: usize = 8;

/// Which vector unit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Unit);

/// Private, so that a [`Level`] can only be had from detection: the SAFETY of the calls below rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// What of a stretch reaches a bound, by offset.
pub struct Hits {
    offsets: [u32; STRETCH + LANES],
    values: [f32; STRETCH + LANES],
    count: usize,
}

impl Hits {
    /// Of nothing yet.
    pub fn new() -> Hits {
        Hits { offsets: [0; STRETCH + LANES], values: [0.0; STRETCH + LANES], count: 0 }
    }

    /// Where in the stretch each lies.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets[..self.count]
    }

    /// Its value.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.count]
    }

    /// Stores those of some elements that reach `least` behind the first `count`, and gives how many there are then. Every
    /// element is stored, and counted or not.
    fn push(&mut self, mut count: usize, begin: usize, elements: &[f32], least: u32) -> usize {
        for (offset, &value) in (begin as u32..).zip(elements) {
            self.offsets[count] = offset;
            self.values[count] = value;
            count += usize::from(magnitude(value) >= least);
        }
        count
    }
}

impl Level {
    /// Every level this processor has, narrowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level(Unit::Portable)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            levels.push(Level(Unit::Avx2));
        }
        levels
    }

    /// The widest level this processor has.
    pub fn detect() -> Level {
        Level::available().pop().unwrap_or(Level(Unit::Portable))
    }

    /// Finds what has at least this magnitude in a stretch of at most [`STRETCH`] elements.
    pub fn pass(self, stretch: &[f32], least: u32, hits: &mut Hits) {
        match self.0 {
            Unit::Portable => portable(stretch, least, hits),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Unit::Avx2` is made only by `available`, after avx2 and popcnt were detected.
            Unit::Avx2 => unsafe { avx2::pass(stretch, least, hits) },
        }
    }

    /// Adds to a stretch, then passes over the sums.
    pub fn add_and_pass(self, sums: &mut [f32], residual: &[f32], least: u32, hits: &mut Hits) {
        match self.0 {
            Unit::Portable => {
                add(sums, residual);
                portable(sums, least, hits);
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Unit::Avx2` is made only by `available`, after avx2 and popcnt were detected.
            Unit::Avx2 => unsafe { avx2::add_and_pass(sums, residual, least, hits) },
        }
    }
}

// Inlined, so that it is compiled for each level.
#[inline(always)]
fn add(sums: &mut [f32], residual: &[f32]) {
    sums.iter_mut().zip(residual).for_each(|(sum, residual)| *sum += residual);
}

/// In two rounds: which blocks have hits, then their hits.
fn portable(stretch: &[f32], least: u32, hits: &mut Hits) {
    let (blocks, rest) = stretch.as_chunks::<BLOCK>();
    let (mut numbers, mut hit) = ([0; STRETCH / BLOCK + 1], 0);
    for (number, block) in blocks.iter().enumerate() {
        numbers[hit] = number;
        hit += usize::from(reached(block, least));
    }
    let push = |count, &number: &usize| hits.push(count, number * BLOCK, &blocks[number], least);
    let count = numbers[..hit].iter().fold(0, push);
    hits.count = hits.push(count, blocks.len() * BLOCK, rest, least);
}

/// Whether an element reaches the bound. Nothing but comparisons of signed words, which the compiler makes vector
/// instructions that every processor has.
fn reached(block: &[f32; BLOCK], least: u32) -> bool {
    let below = (least as i32).wrapping_sub(1);
    block.iter().fold(false, |any, &value| any | (magnitude(value) as i32 > below))
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{add, Hits, LANES};
    use std::arch::x86_64::*;

    /// For every set of lanes, the lanes of the set and then the others.
    static FRONT: [[u8; LANES]; 1 << LANES] = {
        let mut orders = [[0; LANES]; 1 << LANES];
        let mut set = 0;
        while set < orders.len() {
            let (mut front, mut back, mut lane) = (0, (set as u32).count_ones() as usize, 0);
            while lane < LANES {
                let place = if set >> lane & 1 == 1 { &mut front } else { &mut back };
                orders[set][*place] = lane as u8;
                *place += 1;
                lane += 1;
            }
            set += 1;
        }
        orders
    };

    #[target_feature(enable = "avx2,popcnt")]
    pub fn pass(stretch: &[f32], least: u32, hits: &mut Hits) {
        // Magnitudes are not negative as signed words either, and signed words are what can be compared.
        let below = _mm256_set1_epi32((least as i32).wrapping_sub(1));
        let sign = _mm256_set1_epi32(i32::MIN);
        let (vectors, rest) = stretch.as_chunks::<LANES>();
        let (mut begin, mut count) = (_mm256_setzero_si256(), 0);
        for vector in vectors {
            let vector: __m256i = bytemuck::cast(*vector);
            let reached = _mm256_cmpgt_epi32(_mm256_andnot_si256(sign, vector), below);
            let set = _mm256_movemask_ps(_mm256_castsi256_ps(reached)) as usize;
            let order = _mm256_cvtepu8_epi32(_mm_set_epi64x(0, i64::from_le_bytes(FRONT[set])));
            let front = _mm256_permutevar8x32_epi32(vector, order);
            hits.values[count..count + LANES].copy_from_slice(&bytemuck::cast::<_, [f32; LANES]>(front));
            let offsets = _mm256_add_epi32(order, begin);
            hits.offsets[count..count + LANES].copy_from_slice(&bytemuck::cast::<_, [u32; LANES]>(offsets));
            count += set.count_ones() as usize;
            begin = _mm256_add_epi32(begin, _mm256_set1_epi32(LANES as i32));
        }
        hits.count = hits.push(count, vectors.len() * LANES, rest, least);
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub fn add_and_pass(sums: &mut [f32], residual: &[f32], least: u32, hits: &mut Hits) {
        add(sums, residual);
        pass(sums, least, hits);
    }
}
