//! Features in a layout, checked.

use nearfield_abi::beicsr::{bitmap_words, row_lines, EMPTY, ESCAPE, LINE_WORDS, ROWS_MOST, WIDTH_MOST};
use nearfield_model::beicsr::{check, check_pairs, Encoded, Entry, Layout, Malformed, Pair, Pairs, Shape};

/// Why features cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeaturesError {
    /// Records or pairs break a rule of their layout.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Dense features of a shape that is not built, or of another size.
    #[error(
        "{rows} rows of {width} columns do not have {given} values; give 1 to 2147483647 rows of 1 to 4096 columns, each padded to \
         a multiple of 16 values"
    )]
    Dense {
        /// Rows.
        rows: usize,
        /// Columns.
        width: usize,
        /// Values that were given.
        given: usize,
    },
}

/// Features of a graph's vertices.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    rows: usize,
    width: usize,
    pub(super) stored: Stored<'a>,
}

/// How they are stored. The rules of the layout hold: what is below rests on it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    Dense(&'a [f32]),
    Records { layout: Layout, shape: Shape, words: &'a [u32], table: Option<&'a [u8]>, survey: Survey },
    Pairs { shape: Shape, pairs: &'a [Pair], table: &'a [Entry] },
}

/// What holds for all records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survey {
    /// Lines of a record that are read, on average, rounded up.
    pub lines: usize,
    /// Exponent field of the least value that is not ±0; that of a subnormal is 1.
    exponent: u32,
}

/// What is to be added of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Nothing,
    /// A slice of values as they are.
    Raw(&'a [u32]),
    /// Bitmap, and what lies behind it: at least as many words as the bitmap has bits set.
    Bitmap(&'a [u32], &'a [u32]),
}

impl<'a> Features<'a> {
    /// Dense ones: `values` has `rows` rows of `width` values, each padded to whole lines of 16 ([`pad`] does that).
    ///
    /// # Errors
    ///
    /// When that is not how many there are, or no such shape is built.
    pub fn dense(rows: usize, width: usize, values: &'a [f32]) -> Result<Features<'a>, FeaturesError> {
        let built = (1..=ROWS_MOST as usize).contains(&rows) && (1..=WIDTH_MOST as usize).contains(&width);
        if !built || rows.checked_mul(stride(width)) != Some(values.len()) {
            return Err(FeaturesError::Dense { rows, width, given: values.len() });
        }
        Ok(Features { rows, width, stored: Stored::Dense(values) })
    }

    /// Records in one of the bitmap layouts. Longer buffers are taken.
    ///
    /// # Errors
    ///
    /// The first record that breaks a rule.
    pub fn records(
        layout: Layout,
        shape: Shape,
        words: &'a [u32],
        table: Option<&'a [u8]>,
    ) -> Result<Features<'a>, FeaturesError> {
        check(layout, shape, words, table)?;
        let survey = survey(layout, shape, words, table);
        let stored = Stored::Records { layout, shape, words, table, survey };
        Ok(Features { rows: shape.rows(), width: shape.width(), stored })
    }

    /// Records that were just encoded.
    ///
    /// # Errors
    ///
    /// As [`Features::records`].
    pub fn encoded(encoded: &'a Encoded) -> Result<Features<'a>, FeaturesError> {
        Features::records(encoded.layout, encoded.shape, &encoded.words, Some(&encoded.table))
    }

    /// Plain compressed rows.
    ///
    /// # Errors
    ///
    /// The first record that breaks a rule.
    pub fn pairs(shape: Shape, pairs: &'a [Pair], table: &'a [Entry]) -> Result<Features<'a>, FeaturesError> {
        check_pairs(shape, pairs, table)?;
        Ok(Features { rows: shape.rows(), width: shape.width(), stored: Stored::Pairs { shape, pairs, table } })
    }

    /// Pairs that were just encoded.
    ///
    /// # Errors
    ///
    /// As [`Features::pairs`].
    pub fn paired(pairs: &'a Pairs) -> Result<Features<'a>, FeaturesError> {
        Features::pairs(pairs.shape, &pairs.pairs, &pairs.table)
    }

    /// Whether it is known that no sum comes to stand at -0 with these weights. Sums start at +0, and only one that is rounded to 0 becomes -0:
    /// none is where all products are multiples of the least subnormal, 2^-149. The last place of a value with the exponent field e is 2^(e - 150).
    pub(super) fn stay_positive(&self, weights: Option<&[f32]>) -> bool {
        let Stored::Records { survey, .. } = self.stored else {
            return false;
        };
        let weight =
            weights.map_or(exponent([1.0f32.to_bits()]), |all| exponent(all.iter().map(|weight| weight.to_bits())));
        survey.exponent + weight >= 151
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Values of a row of the output: whole lines.
    pub fn stride(&self) -> usize {
        stride(self.width)
    }
}

/// One record. `number` is below the shape's number of records, and the rules of the layout hold.
pub(super) fn record<'a>(
    layout: Layout,
    slice: usize,
    words: &'a [u32],
    table: Option<&'a [u8]>,
    number: usize,
) -> Record<'a> {
    let each = layout.words(slice);
    let length = table.map(|table| table[number]);
    let words = &words[number * each..][..each];
    match (layout, length) {
        (_, Some(EMPTY)) => Record::Nothing,
        (Layout::Beicsr, Some(ESCAPE)) => Record::Raw(words),
        _ => {
            let (bitmap, values) = words.split_at(bitmap_words(slice as u64) as usize);
            Record::Bitmap(bitmap, values)
        }
    }
}

/// Looks at every value once.
fn survey(layout: Layout, shape: Shape, words: &[u32], table: Option<&[u8]>) -> Survey {
    let (mut lines, mut least) = (0, exponent([]));
    for number in 0..shape.records() {
        let (read, values) = match record(layout, shape.slice(), words, table, number) {
            Record::Nothing => continue,
            Record::Raw(values) => (values.len(), values),
            Record::Bitmap(bitmap, values) => {
                let count = bitmap.iter().map(|word| word.count_ones() as usize).sum();
                (bitmap.len() + count, &values[..count])
            }
        };
        lines += read.div_ceil(LINE_WORDS as usize);
        least = least.min(exponent(values.iter().copied()));
    }
    Survey { lines: lines.div_ceil(shape.records()), exponent: least }
}

/// The least exponent field of values that are not ±0. That of a subnormal is 1; without values it is that of a NaN.
fn exponent(values: impl IntoIterator<Item = u32>) -> u32 {
    // Without the sign, and less 1, so that zeros are last.
    let least = values.into_iter().map(|value| (value << 1).wrapping_sub(1)).fold(u32::MAX, u32::min);
    (least.saturating_add(1) >> 24).max(1)
}

fn stride(width: usize) -> usize {
    (row_lines(width as u64) * LINE_WORDS) as usize
}

/// A matrix `[rows, width]`, row-major, with each row padded with +0 to whole lines of 16 values.
///
/// # Panics
///
/// If there are no columns.
pub fn pad(features: &[f32], width: usize) -> Vec<f32> {
    let stride = stride(width);
    let mut padded = vec![0.0; features.len() / width * stride];
    for (into, row) in padded.chunks_exact_mut(stride).zip(features.chunks_exact(width)) {
        into[..width].copy_from_slice(row);
    }
    padded
}

/// The matrix `[rows, width]` of padded rows.
///
/// # Panics
///
/// If there are no columns.
pub fn unpad(padded: &[f32], width: usize) -> Vec<f32> {
    padded.chunks_exact(stride(width)).flat_map(|row| &row[..width]).copied().collect()
}
