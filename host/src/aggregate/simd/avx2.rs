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

/// For every set of lanes, which of the packed values each lane of the set gets; -1 for the others, whose sign says so.
static PLACE: [[i8; LANES]; 1 << LANES] = {
    let mut places = [[-1; LANES]; 1 << LANES];
    let mut set = 0;
    while set < places.len() {
        let (mut lane, mut next) = (0, 0);
        while lane < LANES {
            if set >> lane & 1 == 1 {
                places[set][lane] = next;
                next += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    places
};

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
    let Strip { graph, first, stride, .. } = *strip;
    let Slice { columns, first_record, begin, .. } = slice;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm256_setzero_ps(); VECTORS];
        for edge in graph.row(row) {
            if let Some(&ahead) = graph.columns().get(edge + AHEAD) {
                prefetch(slice.lines(ahead as usize));
            }
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let nothing = _mm256_set1_ps(portable::nothing(weight));
            let weight = _mm256_set1_ps(weight);
            let number = first_record + graph.columns()[edge] as usize;
            match record(slice.layout, columns, slice.words, slice.table, number) {
                Record::Nothing => {}
                Record::Raw(values) => {
                    for (sum, x) in sums.iter_mut().zip(values.as_chunks::<LANES>().0) {
                        *sum = add(*sum, weight, bytemuck::cast(*x), nothing);
                    }
                }
                Record::Bitmap(bitmap, values) => {
                    // What lies behind the record may be read, and is not used.
                    let behind = (number + 1) * slice.layout.words(columns);
                    let readable = &slice.words[behind - values.len()..];
                    bits(&mut sums, weight, nothing, bitmap, readable);
                }
            }
        }
        for (into, sum) in into[begin..].as_chunks_mut::<LANES>().0.iter_mut().zip(&sums[..columns / LANES]) {
            *into = canonical(*sum);
        }
    }
}

/// Edges that features are asked for before they are needed.
pub const AHEAD: usize = 2;

/// Asks for what will be read soon.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
// Newer compilers know that it is safe.
#[allow(unused_unsafe)]
pub fn prefetch<T>(soon: &[T]) {
    let line = 64 / size_of::<T>();
    for line in soon.chunks(line) {
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

/// Adds the values behind a bitmap; eight are read at a time, from wherever `values` goes on to.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn bits(sums: &mut [__m256; VECTORS], weight: __m256, nothing: __m256, bitmap: &[u32], values: &[u32]) {
    let mut padded = [0; SLICE_MOST as usize + LANES];
    let most = WORD_COLUMNS as usize * bitmap.len() + LANES;
    let values = match values.get(..most) {
        Some(values) => values,
        // The last records.
        None => {
            padded[..values.len()].copy_from_slice(values);
            &padded
        }
    };
    let mut at = 0;
    for (sums, word) in sums.as_chunks_mut::<4>().0.iter_mut().zip(bitmap) {
        for (sum, set) in sums.iter_mut().zip(word.to_le_bytes()) {
            // SAFETY: a byte of the bitmap has at most eight values, so `at` is at most the number of columns before this one, and
            // `values` has eight more than there are columns.
            let packed = unsafe { _mm256_loadu_si256(values.as_ptr().add(at).cast()) };
            // SAFETY: as long as the half vector.
            let place = unsafe { _mm_loadl_epi64(PLACE[usize::from(set)].as_ptr().cast()) };
            let place = _mm256_cvtepi8_epi32(place);
            // Only the lower three bits of a place count.
            let x = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(packed, place));
            let zero = _mm256_cmp_ps::<_CMP_EQ_OQ>(x, _mm256_setzero_ps());
            let left_out = _mm256_or_ps(zero, _mm256_castsi256_ps(place));
            *sum = _mm256_fmadd_ps(weight, _mm256_blendv_ps(x, nothing, left_out), *sum);
            at += set.count_ones() as usize;
        }
    }
}
