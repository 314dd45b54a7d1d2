//! With AVX2 and FMA: values behind a bitmap are brought to their columns eight at a time.

use super::super::features::{record, Record};
use super::{portable, Slice, Strip};
use nearfield_abi::beicsr::{SLICE_MOST, WORD_COLUMNS};
use nearfield_model::optimizer::CANONICAL_NAN;
use std::arch::x86_64::*;

/// Values of a vector.
const LANES: usize = 8;
/// Vectors of the widest slice.
const VECTORS: usize = SLICE_MOST as usize / LANES;

/// Values of half a vector, within which bytes are shuffled.
const HALF: usize = LANES / 2;

/// For every set of columns, the bytes of a vector that each lane gets; -1 for the others, which get +0. The values of the lower columns are the
/// last ones of the lower half, those of the upper columns the first ones of the upper half.
static PLACES: Places = {
    let mut places = [[-1; 4 * LANES]; 1 << LANES];
    let mut set = 0;
    while set < places.len() {
        let mut next = HALF - (set % (1 << HALF)).count_ones() as usize;
        let mut lane = 0;
        while lane < LANES {
            if lane == HALF {
                next = 0;
            }
            if set >> lane & 1 == 1 {
                let mut byte = 0;
                while byte < 4 {
                    places[set][4 * lane + byte] = (4 * next + byte) as i8;
                    byte += 1;
                }
                next += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    Places(places)
};

/// Rows of a table, none of which lies across two lines of the cache.
#[repr(align(64))]
struct Places([[i8; 4 * LANES]; 1 << LANES]);

/// Vectors of a block of dense columns: their sums stay in registers.
const BLOCK: usize = 8;

#[target_feature(enable = "avx2,fma,popcnt")]
pub fn dense(strip: &mut Strip<'_>, values: &[f32]) {
    let vectors = strip.stride / LANES;
    let mut begin = 0;
    // A row has whole lines, which are two vectors each.
    while begin < vectors {
        match vectors - begin {
            2 | 3 => columns::<2>(strip, values, begin * LANES),
            4 | 5 => columns::<4>(strip, values, begin * LANES),
            6 | 7 => columns::<6>(strip, values, begin * LANES),
            _ => columns::<BLOCK>(strip, values, begin * LANES),
        }
        begin += BLOCK;
    }
}

/// The sums of N vectors of the rows, from column `begin` on.
#[target_feature(enable = "avx2,fma,popcnt")]
fn columns<const N: usize>(strip: &mut Strip<'_>, values: &[f32], begin: usize) {
    let Strip { graph, first, stride, .. } = *strip;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm256_setzero_ps(); N];
        for edge in graph.row(row) {
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let nothing = _mm256_set1_ps(portable::nothing(weight));
            let weight = _mm256_set1_ps(weight);
            let x = &values[graph.columns()[edge] as usize * stride + begin..][..N * LANES];
            for (sum, x) in sums.iter_mut().zip(x.as_chunks::<LANES>().0) {
                *sum = add(*sum, weight, bytemuck::cast(*x), nothing);
            }
        }
        for (into, sum) in into[begin..].as_chunks_mut::<LANES>().0.iter_mut().zip(&sums) {
            *into = canonical(*sum);
        }
    }
}

#[target_feature(enable = "avx2,fma,popcnt")]
pub fn pairs(strip: &mut Strip<'_>, pairs: portable::Pairs<'_>, begin: usize) {
    portable::pairs(strip, pairs, begin);
}

#[target_feature(enable = "avx2,fma,popcnt")]
pub fn plain(strip: &mut Strip<'_>, features: &[f32]) {
    portable::plain(strip, features);
}

#[target_feature(enable = "avx2,fma,popcnt")]
pub fn slice(strip: &mut Strip<'_>, slice: Slice<'_>) {
    match slice.add_zeros {
        true => records::<true>(strip, slice),
        false => records::<false>(strip, slice),
    }
}

/// The sums of a slice; [`Slice::add_zeros`] is a constant.
#[target_feature(enable = "avx2,fma,popcnt")]
fn records<const ADD_ZEROS: bool>(strip: &mut Strip<'_>, slice: Slice<'_>) {
    let Strip { graph, first, stride, .. } = *strip;
    let Slice { layout, columns, words, table, first_record, begin, .. } = slice;
    // For records at either end.
    let mut padded = [0; SLICE_MOST as usize + 2 * LANES];
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm256_setzero_ps(); VECTORS];
        for edge in graph.row(row) {
            if let Some(&ahead) = graph.columns().get(edge + AHEAD) {
                prefetch(slice.lines(ahead as usize));
            }
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let nothing = _mm256_set1_ps(portable::nothing(weight));
            let weight = _mm256_set1_ps(weight);
            let add = |sum: &mut __m256, x| match ADD_ZEROS {
                true => *sum = _mm256_fmadd_ps(weight, x, *sum),
                false => *sum = add(*sum, weight, x, nothing),
            };
            let number = first_record + graph.columns()[edge] as usize;
            match record(layout, columns, words, table, number) {
                Record::Nothing => {}
                Record::Raw(values) => {
                    let values = values.as_chunks::<LANES>().0;
                    sums.iter_mut().zip(values).for_each(|(sum, &x)| add(sum, bytemuck::cast(x)));
                }
                Record::Bitmap(bitmap, values) => {
                    let first = (number + 1) * layout.words(columns) - values.len();
                    // What lies around the values is read too, and not used. The first and the last record may have too little there.
                    let around = words.get(first.wrapping_sub(HALF)..first + columns + HALF).unwrap_or_else(|| {
                        padded[HALF..][..values.len()].copy_from_slice(values);
                        &padded
                    });
                    bits(&mut sums, bitmap, around, add);
                }
            }
        }
        for (into, sum) in into[begin..].as_chunks_mut::<LANES>().0.iter_mut().zip(&sums[..columns / LANES]) {
            *into = canonical(*sum);
        }
    }
}

/// Edges that features are asked for before they are needed.
pub const AHEAD: usize = 3;

/// Asks for lines that will be read soon.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
// Newer compilers know that it is safe.
#[allow(unused_unsafe)]
pub fn prefetch<T>(soon: &[T]) {
    let line = 64 / size_of::<T>();
    for line in soon.chunks_exact(line) {
        // SAFETY: a hint that reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// Every NaN as the canonical one.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn canonical(sums: __m256) -> [f32; LANES] {
    let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(sums, sums);
    bytemuck::cast(_mm256_blendv_ps(sums, _mm256_set1_ps(f32::from_bits(CANONICAL_NAN)), nan))
}

/// `fma(weight, x, sum)`, where x is not ±0; elsewhere the product is the -0 of [`portable::nothing`].
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn add(sum: __m256, weight: __m256, x: __m256, nothing: __m256) -> __m256 {
    let zero = _mm256_cmp_ps::<_CMP_EQ_OQ>(x, _mm256_setzero_ps());
    _mm256_fmadd_ps(weight, _mm256_blendv_ps(x, nothing, zero), sum)
}

/// Adds the values behind a bitmap, +0 in the other columns. The values begin at the fifth word of `around`.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn bits(sums: &mut [__m256; VECTORS], bitmap: &[u32], around: &[u32], add: impl Fn(&mut __m256, __m256)) {
    // Two words of the bitmap at a time; a missing second one says nothing.
    let pairs = bitmap.chunks(2).map(|pair| u64::from(pair[0]) | pair.get(1).map_or(0, |&high| u64::from(high) << 32));
    assert!(around.len() >= WORD_COLUMNS as usize * bitmap.len() + LANES);
    let mut before = around.as_ptr();
    for (sums, pair) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(pairs) {
        let middles = middles(pair);
        for (byte, sum) in sums.iter_mut().enumerate() {
            let (set, middle) = ((pair >> (8 * byte)) as u8, (middles >> (8 * byte)) as u8);
            // SAFETY: at least as many columns as values lie before the middle of this byte, and `around` has eight words more than columns.
            let packed = unsafe { _mm256_loadu_si256(before.add(middle.into()).cast()) };
            let x = _mm256_shuffle_epi8(packed, bytemuck::cast(PLACES.0[usize::from(set)]));
            add(sum, _mm256_castsi256_ps(x));
        }
        // SAFETY: as above.
        before = unsafe { before.add(pair.count_ones() as usize) };
    }
}

/// For each byte, how many bits lie before its upper half: those of the bytes below and of its lower half.
fn middles(bits: u64) -> u64 {
    let pairs = bits - (bits >> 1 & 0x5555_5555_5555_5555);
    let halves = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
    let lower = halves & 0x0f0f_0f0f_0f0f_0f0f;
    let bytes = lower + (halves >> 4 & 0x0f0f_0f0f_0f0f_0f0f);
    bytes.wrapping_mul(0x0101_0101_0101_0100) + lower
}
