//! With AVX-512: the accumulators of a slice stay in registers, and a vector instruction brings values to their columns.

use super::super::features::{record, Record};
use super::avx2::{prefetch, AHEAD};
use super::{portable, Slice, Strip};
use nearfield_model::optimizer::CANONICAL_NAN;
use std::arch::x86_64::*;

/// Values of a vector, which is a line.
const LANES: usize = 16;
/// Vectors of a block of dense columns: half the registers there are.
const BLOCK: usize = 16;

/// Calls a function with the number of vectors as a constant, so that the accumulators are registers.
macro_rules! with_vectors {
    ($count:expr, $function:ident, $($argument:expr),*) => {
        match $count {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            3 => $function::<3>($($argument),*),
            4 => $function::<4>($($argument),*),
            5 => $function::<5>($($argument),*),
            6 => $function::<6>($($argument),*),
            7 => $function::<7>($($argument),*),
            8 => $function::<8>($($argument),*),
            9 => $function::<9>($($argument),*),
            10 => $function::<10>($($argument),*),
            11 => $function::<11>($($argument),*),
            12 => $function::<12>($($argument),*),
            13 => $function::<13>($($argument),*),
            14 => $function::<14>($($argument),*),
            15 => $function::<15>($($argument),*),
            _ => $function::<BLOCK>($($argument),*),
        }
    };
}

#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
pub fn plain(strip: &mut Strip<'_>, features: &[f32]) {
    portable::plain(strip, features);
}

#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
pub fn dense(strip: &mut Strip<'_>, values: &[f32]) {
    let lines = strip.stride / LANES;
    for begin in (0..lines).step_by(BLOCK) {
        with_vectors!((lines - begin).min(BLOCK), columns, strip, values, begin * LANES);
    }
}

/// The sums of N lines of the rows, from column `begin` on.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
fn columns<const N: usize>(strip: &mut Strip<'_>, values: &[f32], begin: usize) {
    let Strip { graph, first, stride, .. } = *strip;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm512_setzero_ps(); N];
        for edge in graph.row(row) {
            if let Some(&ahead) = graph.columns().get(edge + AHEAD) {
                prefetch(&values[ahead as usize * stride + begin..][..N * LANES]);
            }
            let weight = _mm512_set1_ps(graph.weights().map_or(1.0, |weights| weights[edge]));
            let x = &values[graph.columns()[edge] as usize * stride + begin..][..N * LANES];
            raw(&mut sums, weight, x.as_chunks::<LANES>().0);
        }
        store(&sums, &mut into[begin..]);
    }
}

#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
pub fn slice(strip: &mut Strip<'_>, slice: Slice<'_>) {
    with_vectors!(slice.columns / LANES, records, strip, slice);
}

/// The sums of a slice of N lines.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
fn records<const N: usize>(strip: &mut Strip<'_>, slice: Slice<'_>) {
    let Strip { graph, first, stride, .. } = *strip;
    let Slice { layout, words, table, first_record, begin, .. } = slice;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums = [_mm512_setzero_ps(); N];
        for edge in graph.row(row) {
            if let Some(&ahead) = graph.columns().get(edge + AHEAD) {
                prefetch(slice.lines(ahead as usize));
            }
            let weight = _mm512_set1_ps(graph.weights().map_or(1.0, |weights| weights[edge]));
            match record(layout, N * LANES, words, table, first_record + graph.columns()[edge] as usize) {
                Record::Nothing => {}
                Record::Raw(values) => raw(&mut sums, weight, bytemuck::cast_slice(values.as_chunks::<LANES>().0)),
                Record::Bitmap(bitmap, values) => bits(&mut sums, weight, bitmap, values),
            }
        }
        store(&sums, &mut into[begin..]);
    }
}

/// Adds values as they are, where they are not ±0.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
#[inline]
fn raw<const N: usize>(sums: &mut [__m512; N], weight: __m512, values: &[[f32; LANES]]) {
    for (sum, values) in sums.iter_mut().zip(values) {
        // SAFETY: as long as the vector.
        let x = unsafe { _mm512_loadu_ps(values.as_ptr()) };
        let nonzero = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        *sum = _mm512_mask3_fmadd_ps(weight, x, *sum, nonzero);
    }
}

/// Adds the values behind a bitmap.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
#[inline]
fn bits<const N: usize>(sums: &mut [__m512; N], weight: __m512, bitmap: &[u32], values: &[u32]) {
    let mut at = 0;
    for (vector, sum) in sums.iter_mut().enumerate() {
        let set = (bitmap[vector / 2] >> (LANES * (vector % 2))) as u16;
        let count = set.count_ones();
        let first = _bzhi_u32(0xffff, count) as u16;
        debug_assert!(at + count as usize <= values.len());
        // SAFETY: only the first `count` are read, and `Record::Bitmap` has a value for each bit.
        let packed = unsafe { _mm512_maskz_loadu_ps(first, values.as_ptr().add(at).cast()) };
        let x = _mm512_maskz_expand_ps(set, packed);
        // Elsewhere x is 0, and a stored zero counts as little.
        let nonzero = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        *sum = _mm512_mask3_fmadd_ps(weight, x, *sum, nonzero);
        at += count as usize;
    }
}

/// Stores the sums as far as the row goes, every NaN as the canonical one.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,bmi2")]
#[inline]
fn store<const N: usize>(sums: &[__m512; N], into: &mut [f32]) {
    for (&sum, into) in sums.iter().zip(into.as_chunks_mut::<LANES>().0) {
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(sum, sum);
        let sum = _mm512_mask_mov_ps(sum, nan, _mm512_set1_ps(f32::from_bits(CANONICAL_NAN)));
        // SAFETY: as long as the vector.
        unsafe { _mm512_storeu_ps(into.as_mut_ptr(), sum) };
    }
}
