//! The sums in plain Rust, inlined into functions that may use more of the processor.

use super::super::features::{record, Record};
use super::{Slice, Strip};
use nearfield_abi::beicsr::{LINE_WORDS, SLICE_MOST, WORD_COLUMNS};
use nearfield_model::beicsr::{Entry, Pair};
use nearfield_model::optimizer::canonical;

/// Values of a line.
const LINE: usize = LINE_WORDS as usize;
/// Accumulators of a slice.
pub type Sums = [f32; SLICE_MOST as usize];
/// Pairs of all records, and the table from the slice's first record on.
pub type Pairs<'a> = (&'a [Pair], &'a [Entry]);

#[inline(always)]
pub fn dense(strip: &mut Strip<'_>, values: &[f32]) {
    let Strip { graph, first, stride, .. } = *strip;
    for (row, sums) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        sums.fill(0.0);
        for edge in graph.row(row) {
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let x = &values[graph.columns()[edge] as usize * stride..][..stride];
            for (sums, x) in sums.as_chunks_mut::<LINE>().0.iter_mut().zip(x.as_chunks::<LINE>().0) {
                sums.iter_mut().zip(x).for_each(|(sum, &x)| add(sum, weight, x));
            }
        }
        sums.iter_mut().for_each(|sum| *sum = canonical(*sum));
    }
}

/// Adds a value unless it is ±0. Instead of a branch, or of a choice between two sums, which compilers make a masked store of and some processors
/// take an age for, a zero gets the sign that makes its product -0: that leaves every sum as it is, -0 too.
#[inline(always)]
fn add(sum: &mut f32, weight: f32, x: f32) {
    let x = if x == 0.0 { nothing(weight) } else { x };
    *sum = weight.mul_add(x, *sum);
}

/// The zero whose product with a finite weight is -0.
#[inline(always)]
pub fn nothing(weight: f32) -> f32 {
    0.0f32.copysign(-weight)
}

#[inline(always)]
pub fn slice(strip: &mut Strip<'_>, slice: Slice<'_>) {
    let Strip { graph, first, stride, .. } = *strip;
    let Slice { layout, columns, words, table, first_record, begin, .. } = slice;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums: Sums = [0.0; SLICE_MOST as usize];
        for edge in graph.row(row) {
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            match record(layout, columns, words, table, first_record + graph.columns()[edge] as usize) {
                Record::Nothing => {}
                Record::Raw(values) => {
                    sums.iter_mut().zip(values).for_each(|(sum, &x)| add(sum, weight, f32::from_bits(x)));
                }
                Record::Bitmap(bitmap, values) => bits(&mut sums, weight, bitmap, values),
            }
        }
        store(&sums, columns, &mut into[begin..]);
    }
}

/// Adds what a bitmap names, one value after the other.
#[inline(always)]
fn bits(sums: &mut Sums, weight: f32, bitmap: &[u32], values: &[u32]) {
    let mut values = values.iter();
    for (sums, &word) in sums.as_chunks_mut::<{ WORD_COLUMNS as usize }>().0.iter_mut().zip(bitmap) {
        let mut left = word;
        while left != 0 {
            let column = left.trailing_zeros() as usize;
            left &= left - 1;
            if let Some(&x) = values.next() {
                add(&mut sums[column], weight, f32::from_bits(x));
            }
        }
    }
}

#[inline(always)]
pub fn pairs(strip: &mut Strip<'_>, (pairs, table): Pairs<'_>, begin: usize) {
    let Strip { graph, first, stride, .. } = *strip;
    for (row, into) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        let mut sums: Sums = [0.0; SLICE_MOST as usize];
        for edge in graph.row(row) {
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let Entry { start, count } = table[graph.columns()[edge] as usize];
            for pair in &pairs[start as usize..][..count as usize] {
                // The column is below the slice's; the remainder says so to the compiler.
                add(&mut sums[pair.column as usize % SLICE_MOST as usize], weight, pair.value);
            }
        }
        store(&sums, SLICE_MOST as usize, &mut into[begin..]);
    }
}

/// Stores a slice's sums, as far as the row goes. Past the row's width nothing was added.
#[inline(always)]
fn store(sums: &Sums, columns: usize, into: &mut [f32]) {
    into.iter_mut().zip(&sums[..columns]).for_each(|(into, &sum)| *into = canonical(sum));
}

#[inline(always)]
pub fn plain(strip: &mut Strip<'_>, features: &[f32]) {
    let Strip { graph, first, stride, .. } = *strip;
    for (row, sums) in (first..).zip(strip.into.chunks_exact_mut(stride)) {
        sums.fill(0.0);
        for edge in graph.row(row) {
            let weight = graph.weights().map_or(1.0, |weights| weights[edge]);
            let x = &features[graph.columns()[edge] as usize * stride..][..stride];
            sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum = weight.mul_add(x, *sum));
        }
    }
}
