//! The shape of a matrix in slices.

use nearfield_abi::beicsr::{self, LINE_WORDS};
use std::ops::Range;

/// Which of the two bitmap layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Dense escape, and a length table.
    Beicsr,
    /// As published: no escape, lines for the bitmap and all values, the length in the bitmap.
    Published,
}

impl Layout {
    /// Lines of a record.
    pub fn lines(self, slice: usize) -> usize {
        match self {
            Layout::Beicsr => beicsr::record_lines(slice as u64) as usize,
            Layout::Published => beicsr::published_lines(slice as u64) as usize,
        }
    }

    /// 32-bit words of a record.
    pub fn words(self, slice: usize) -> usize {
        self.lines(slice) * LINE_WORDS as usize
    }

    /// What the length table says of a record with this many values.
    pub fn length(self, slice: usize, nonzeros: usize) -> u8 {
        match self {
            Layout::Beicsr => beicsr::length(slice as u64, nonzeros as u64),
            Layout::Published => beicsr::published_length(slice as u64, nonzeros as u64),
        }
    }
}

/// Rows, columns and columns of a slice, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    rows: usize,
    width: usize,
    slice: usize,
}

/// A shape that is not built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rows} rows of {width} columns in slices of {slice} are not built; choose 1 to 2147483647 rows, 1 to 4096 columns, \
     and slices of 32 to 256 columns, a multiple of 32"
)]
pub struct ShapeError {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub width: usize,
    /// Columns of a slice.
    pub slice: usize,
}

impl Shape {
    /// `rows` rows of `width` columns, cut into slices of `slice` columns.
    ///
    /// # Errors
    ///
    /// When [`beicsr::fits`] says no, or the machine's address space is too small for the matrix.
    pub fn new(rows: usize, width: usize, slice: usize) -> Result<Shape, ShapeError> {
        let built = beicsr::fits(rows as u64, width as u64, slice as u64);
        // The largest layout has three lines for 32 columns.
        let bytes = rows.checked_mul(width.div_ceil(32)).and_then(|words| words.checked_mul(192));
        match bytes {
            Some(_) if built => Ok(Shape { rows, width, slice }),
            _ => Err(ShapeError { rows, width, slice }),
        }
    }

    /// Rows.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn width(self) -> usize {
        self.width
    }

    /// Columns of a slice.
    pub fn slice(self) -> usize {
        self.slice
    }

    /// Slices of a row.
    pub fn slices(self) -> usize {
        self.width.div_ceil(self.slice)
    }

    /// Records of the matrix.
    pub fn records(self) -> usize {
        self.rows * self.slices()
    }

    /// The record of a row in a slice.
    pub fn record(self, slice_index: usize, row: usize) -> usize {
        slice_index * self.rows + row
    }

    /// The columns of a slice.
    pub fn columns(self, slice_index: usize) -> Range<usize> {
        let begin = slice_index * self.slice;
        begin..self.width.min(begin + self.slice)
    }

    /// Row and columns of each record, in their order.
    pub fn each_record(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        (0..self.slices()).flat_map(move |index| (0..self.rows).map(move |row| (row, self.columns(index))))
    }

    /// 32-bit words of a row of dense features or of the output, padding included.
    pub fn row_words(self) -> usize {
        (beicsr::row_lines(self.width as u64) * LINE_WORDS) as usize
    }
}
