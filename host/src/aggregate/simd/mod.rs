//! The sums of a strip of rows, compiled for each vector unit of the processor.
//!
//! Wider units change the speed and not one bit: every column has one accumulator that takes the neighbours in their order, zeros are masked,
//! multiply-adds are fused. A test compares them all. Without FMA instructions `mul_add` becomes a call into the C library, which is right
//! and slow.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::features::{Features, Stored};
use crate::graph::Graph;
pub use crate::vector::Level;
use crate::vector::Unit;
#[cfg(target_arch = "x86_64")]
use nearfield_abi::beicsr::LINE_WORDS;
use nearfield_model::beicsr::Layout;

/// Rows of a graph that are summed, and where to.
struct Strip<'a> {
    graph: &'a Graph,
    first: usize,
    /// Values of a row of the output.
    stride: usize,
    into: &'a mut [f32],
}

/// Records of one slice.
#[derive(Clone, Copy)]
struct Slice<'a> {
    layout: Layout,
    /// Columns of a slice.
    columns: usize,
    words: &'a [u32],
    table: Option<&'a [u8]>,
    /// The record of row 0.
    first_record: usize,
    /// Where its columns begin in a row of the output.
    begin: usize,
    /// Lines of a record that are asked for ahead.
    lines: usize,
    /// Whether ±0 may be added like any value, because no sum comes to stand at -0.
    add_zeros: bool,
}

#[cfg(target_arch = "x86_64")]
impl<'a> Slice<'a> {
    /// The words of a vertex's record that will be read, if it is like most: a number for each would cost a wrongly predicted branch.
    #[inline(always)]
    fn lines(&self, vertex: usize) -> &'a [u32] {
        let (each, number) = (self.layout.words(self.columns), self.first_record + vertex);
        &self.words[number * each..][..self.lines * LINE_WORDS as usize]
    }
}

impl Level {
    /// The sums of the rows from `first` on, as many as `into` has room for. Rows of the features are those of the graph.
    /// `add_zeros` is [`Features::stay_positive`] for the graph's weights.
    pub(super) fn strip(self, graph: &Graph, first: usize, features: &Features<'_>, add_zeros: bool, into: &mut [f32]) {
        let stride = features.stride();
        let mut strip = Strip { graph, first, stride, into };
        match features.stored {
            Stored::Dense(values) => self.dense(&mut strip, values),
            Stored::Records { layout, shape, words, table, survey } => {
                for index in 0..shape.slices() {
                    let (first_record, begin) = (shape.record(index, 0), shape.columns(index).start);
                    let (columns, lines) = (shape.slice(), survey.lines);
                    let slice = Slice { layout, columns, words, table, first_record, begin, lines, add_zeros };
                    self.slice(&mut strip, slice);
                }
            }
            Stored::Pairs { shape, pairs, table } => {
                for index in 0..shape.slices() {
                    let (first_record, begin) = (shape.record(index, 0), shape.columns(index).start);
                    self.pairs(&mut strip, (pairs, &table[first_record..]), begin);
                }
            }
        }
    }

    fn dense(self, strip: &mut Strip<'_>, values: &[f32]) {
        match self.unit() {
            Unit::Portable => portable::dense(strip, values),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level with `Unit::Avx2` comes only from detection, of avx2, fma and popcnt.
            Unit::Avx2 => unsafe { avx2::dense(strip, values) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level with `Unit::Avx512` comes only from detection, of avx2, fma, popcnt, avx512f and bmi2 among others.
            Unit::Avx512 => unsafe { avx512::dense(strip, values) },
        }
    }

    fn slice(self, strip: &mut Strip<'_>, slice: Slice<'_>) {
        match self.unit() {
            Unit::Portable => portable::slice(strip, slice),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `dense`.
            Unit::Avx2 => unsafe { avx2::slice(strip, slice) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `dense`.
            Unit::Avx512 => unsafe { avx512::slice(strip, slice) },
        }
    }

    fn pairs(self, strip: &mut Strip<'_>, pairs: portable::Pairs<'_>, begin: usize) {
        match self.unit() {
            Unit::Portable => portable::pairs(strip, pairs, begin),
            // Single values: a wider unit has nothing to add but its multiply-add.
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `dense`; `Unit::Avx512` has all that `Unit::Avx2` has.
            Unit::Avx2 | Unit::Avx512 => unsafe { avx2::pairs(strip, pairs, begin) },
        }
    }

    /// The plain loop over dense rows without padding.
    pub(super) fn plain(self, graph: &Graph, first: usize, features: &[f32], width: usize, into: &mut [f32]) {
        let mut strip = Strip { graph, first, stride: width, into };
        match self.unit() {
            Unit::Portable => portable::plain(&mut strip, features),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `dense`.
            Unit::Avx2 => unsafe { avx2::plain(&mut strip, features) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `dense`.
            Unit::Avx512 => unsafe { avx512::plain(&mut strip, features) },
        }
    }
}
