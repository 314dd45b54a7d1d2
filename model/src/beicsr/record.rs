//! One record.

use super::{Layout, Malformed, Rule};
use nearfield_abi::beicsr::{bitmap_words, EMPTY, ESCAPE, LINE_WORDS, WORD_COLUMNS};

/// How many values are stored: those that are not ±0.
pub fn nonzeros(values: &[f32]) -> usize {
    values.iter().filter(|&&value| value != 0.0).count()
}

/// Writes the values of a row in a slice (at most `slice` of them, fewer in the row's last slice) as a record, and gives what the length
/// table says of it. What the layout leaves open is 0.
///
/// # Panics
///
/// If there are more values than columns in the slice, or `into` is not [`Layout::words`] long.
pub fn encode_record(layout: Layout, slice: usize, values: &[f32], into: &mut [u32]) -> u8 {
    assert!(values.len() <= slice, "{} values in a slice of {slice} columns", values.len());
    assert_eq!(into.len(), layout.words(slice), "words of a record");
    into.fill(0);
    let length = layout.length(slice, nonzeros(values));
    if layout == Layout::Beicsr && length == ESCAPE {
        into.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_bits());
        return length;
    }
    let (bitmap, packed) = into.split_at_mut(bitmap_words(slice as u64) as usize);
    let stored = values.iter().enumerate().filter(|(_, &value)| value != 0.0);
    for ((column, value), word) in stored.zip(packed) {
        bitmap[column / WORD_COLUMNS as usize] |= 1 << (column % WORD_COLUMNS as usize);
        *word = value.to_bits();
    }
    length
}

/// What a record holds, once it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nothing; its lines say nothing.
    Empty,
    /// Values as they are.
    Escape,
    /// A bitmap, and this many values behind it.
    Bitmap(usize),
}

/// Checks a record of which the row has `columns` columns. Without a length (the published layout may have none) the bitmap says it.
///
/// # Errors
///
/// When the length is none of the layout or not the bitmap's, something is set past the columns, or the last line is not filled up
/// with 0.
///
/// # Panics
///
/// If there are more columns than in the slice, `words` is not [`Layout::words`] long, or there is no length in [`Layout::Beicsr`].
pub fn check_record(
    layout: Layout,
    slice: usize,
    columns: usize,
    length: Option<u8>,
    words: &[u32],
) -> Result<Stored, Malformed> {
    assert!(columns <= slice, "{columns} columns of a slice of {slice}");
    assert_eq!(words.len(), layout.words(slice), "words of a record");
    assert!(length.is_some() || layout == Layout::Published, "a record in BEICSR has a length");
    match length {
        Some(EMPTY) if layout == Layout::Beicsr => Ok(Stored::Empty),
        Some(ESCAPE) if layout == Layout::Beicsr => escaped(words, columns),
        _ => bitmap(layout, slice, columns, length, words),
    }
}

/// Reads a record: `into` gets the values of the row's columns in the slice, which are as many as it is long. Zeros come as +0.
///
/// # Errors
///
/// As [`check_record`].
///
/// # Panics
///
/// As [`check_record`].
pub fn decode_record(
    layout: Layout,
    slice: usize,
    length: Option<u8>,
    words: &[u32],
    into: &mut [f32],
) -> Result<(), Malformed> {
    let value = |&word: &u32| Some(f32::from_bits(word)).filter(|&value| value != 0.0).unwrap_or(0.0);
    into.fill(0.0);
    match check_record(layout, slice, into.len(), length, words)? {
        Stored::Empty => {}
        Stored::Escape => into.iter_mut().zip(words).for_each(|(into, word)| *into = value(word)),
        Stored::Bitmap(_) => {
            let (bitmap, packed) = words.split_at(bitmap_words(slice as u64) as usize);
            let stored = into.iter_mut().enumerate().filter(|(column, _)| set(bitmap, *column));
            stored.zip(packed).for_each(|((_, into), word)| *into = value(word));
        }
    }
    Ok(())
}

/// Whether a bitmap has a column.
fn set(bitmap: &[u32], column: usize) -> bool {
    bitmap[column / WORD_COLUMNS as usize] >> (column % WORD_COLUMNS as usize) & 1 == 1
}

fn escaped(words: &[u32], columns: usize) -> Result<Stored, Malformed> {
    match words[columns..].iter().position(|&word| word != 0) {
        None => Ok(Stored::Escape),
        Some(past) => {
            let column = columns + past;
            let what =
                format!("it is in dense escape and column {column} is not 0, but the row has {columns} columns here");
            Malformed::record(Rule::Width, what)
        }
    }
}

fn bitmap(
    layout: Layout,
    slice: usize,
    columns: usize,
    length: Option<u8>,
    words: &[u32],
) -> Result<Stored, Malformed> {
    let lines = layout.lines(slice);
    if let Some(length) = length.filter(|&length| usize::from(length) > lines) {
        let what = format!("the length table says {length}, but a record has {lines} lines; it is damaged");
        return Malformed::record(Rule::Length, what);
    }
    let (bitmap, packed) = words.split_at(bitmap_words(slice as u64) as usize);
    let count = bitmap.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    // Only a record in BEICSR that is empty has no line, and in the published layout a length of 0 stands for a bitmap of zeros.
    let used = (bitmap.len() + count).div_ceil(LINE_WORDS as usize);
    if let Some(length) = length {
        let right = if count == 0 { EMPTY.into() } else { used };
        if usize::from(length) != right {
            let what =
                format!("the length table says {length} lines, but its bitmap has {count} values, which take {right}");
            return Malformed::record(Rule::Count, what);
        }
    }
    // The published layout has room for all columns; in BEICSR the length was compared with the lines there are.
    if let Some(column) = (columns..slice).find(|&column| set(bitmap, column)) {
        let what = format!("its bitmap has column {column}, but the row has {columns} columns here");
        return Malformed::record(Rule::Width, what);
    }
    let end = used * LINE_WORDS as usize - bitmap.len();
    if let Some(word) = packed[count..end].iter().position(|&word| word != 0) {
        let what = format!("word {} behind its {count} values is not 0", bitmap.len() + count + word);
        return Malformed::record(Rule::Padding, what);
    }
    Ok(Stored::Bitmap(count))
}
