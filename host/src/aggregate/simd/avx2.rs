//! With AVX2 and FMA: values behind a bitmap are brought to their columns eight at a time.

use super::super::features::{record, Record};
use super::{portable, Slice, Strip};
use nearfield_abi::beicsr::SLICE_MOST;
use nearfield_model::optimizer::CANONICAL_NAN;
use std::arch::x86_64::*;

/// Values of a vector.
const LANES: usize = 8;
/// Vectors of the widest slice.
const VECTORS: usize = SLICE_MOST as usize / LANES;

/// For every set of lanes, which of the packed values each lane of the set gets.
static PLACE: [[u8; LANES]; 1 << LANES] = {
    let mut places = [[0; LANES]; 1 << LANES];
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

#[target_feature(enable = "avx2,fma,popcnt")]
pub fn dense(strip: &mut Strip<'_>, values: &[f32]) {
    portable::dense(strip, values);
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
    let Slice { layout, columns, words, table, first_record, begin } = slice;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm256_setzero_ps(); VECTORS];
        for edge in graph.row(row) {
            let weight = _mm256_set1_ps(graph.weights().map_or(1.0, |weights| weights[edge]));
            match record(layout, columns, words, table, first_record + graph.columns()[edge] as usize) {
                Record::Nothing => {}
                Record::Raw(values) => {
                    for (sum, x) in sums.iter_mut().zip(values.as_chunks::<LANES>().0) {
                        *sum = add(*sum, weight, bytemuck::cast(*x), _mm256_set1_epi32(-1));
                    }
                }
                Record::Bitmap(bitmap, values) => bits(&mut sums, weight, bitmap, values),
            }
        }
        for (into, sum) in into[begin..].as_chunks_mut::<LANES>().0.iter_mut().zip(&sums[..columns / LANES]) {
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(*sum, *sum);
            let canonical = _mm256_set1_ps(f32::from_bits(CANONICAL_NAN));
            *into = bytemuck::cast(_mm256_blendv_ps(*sum, canonical, nan));
        }
    }
}

/// `fma(weight, x, sum)` where a lane is set and its x is not ±0.
#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn add(sum: __m256, weight: __m256, x: __m256, set: __m256i) -> __m256 {
    let nonzero = _mm256_cmp_ps::<_CMP_NEQ_UQ>(x, _mm256_setzero_ps());
    let taken = _mm256_and_ps(nonzero, _mm256_castsi256_ps(set));
    _mm256_blendv_ps(sum, _mm256_fmadd_ps(weight, x, sum), taken)
}

#[target_feature(enable = "avx2,fma,popcnt")]
#[inline]
fn bits(sums: &mut [__m256; VECTORS], weight: __m256, bitmap: &[u32], values: &[u32]) {
    let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let mut at = 0;
    for (sums, word) in sums.as_chunks_mut::<4>().0.iter_mut().zip(bitmap) {
        for (sum, set) in sums.iter_mut().zip(word.to_le_bytes()) {
            let packed: __m256i = match values.get(at..at + LANES) {
                Some(values) => bytemuck::cast(<[u32; LANES]>::try_from(values).unwrap_or_default()),
                // The last few of a record.
                None => {
                    let rest = &values[at..];
                    bytemuck::cast::<[u32; LANES], _>(std::array::from_fn(|lane| rest.get(lane).copied().unwrap_or(0)))
                }
            };
            let place = _mm256_cvtepu8_epi32(_mm_set_epi64x(0, i64::from_le_bytes(PLACE[usize::from(set)])));
            let x = _mm256_permutevar8x32_ps(_mm256_castsi256_ps(packed), place);
            let wanted = _mm256_and_si256(_mm256_set1_epi32(i32::from(set)), lanes);
            *sum = add(*sum, weight, x, _mm256_cmpeq_epi32(wanted, lanes));
            at += set.count_ones() as usize;
        }
    }
}
