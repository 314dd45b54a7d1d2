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

/// Reads a record: `into` gets the values of the row's columns in the slice, which are as many as it is long. Without a length (the
/// published layout has none) the bitmap says it. Zeros come as +0.
///
/// # Errors
///
/// When the length is none of the layout or not the bitmap's, something is set past the columns, or the last line is not filled up
/// with 0.
///
/// # Panics
///
/// If there are more columns than in the slice, `words` is not [`Layout::words`] long, or there is no length in [`Layout::Beicsr`].
pub fn decode_record(
    layout: Layout,
    slice: usize,
    length: Option<u8>,
    words: &[u32],
    into: &mut [f32],
) -> Result<(), Malformed> {
    assert!(into.len() <= slice, "{} columns of a slice of {slice}", into.len());
    assert_eq!(words.len(), layout.words(slice), "words of a record");
    assert!(length.is_some() || layout == Layout::Published, "a record in BEICSR has a length");
    into.fill(0.0);
    match length {
        Some(EMPTY) if layout == Layout::Beicsr => Ok(()),
        Some(ESCAPE) if layout == Layout::Beicsr => escaped(words, into),
        _ => bitmap(layout, slice, length, words, into),
    }
}

fn escaped(words: &[u32], into: &mut [f32]) -> Result<(), Malformed> {
    let (values, past) = words.split_at(into.len());
    if let Some(column) = past.iter().position(|&word| word != 0) {
        let (column, width) = (into.len() + column, into.len());
        let what = format!("it is in dense escape and column {column} is not 0, but the row has {width} columns here");
        return Malformed::record(Rule::Width, what);
    }
    for (value, &word) in into.iter_mut().zip(values) {
        let stored = f32::from_bits(word);
        *value = if stored == 0.0 { 0.0 } else { stored };
    }
    Ok(())
}

fn bitmap(layout: Layout, slice: usize, length: Option<u8>, words: &[u32], into: &mut [f32]) -> Result<(), Malformed> {
    if let Some(length) = length.filter(|&length| usize::from(length) > layout.lines(slice)) {
        let lines = layout.lines(slice);
        let what = format!("the length table says {length}, but a record has {lines} lines; it is damaged");
        return Malformed::record(Rule::Length, what);
    }
    let (bitmap, packed) = words.split_at(bitmap_words(slice as u64) as usize);
    let set = |column: usize| bitmap[column / WORD_COLUMNS as usize] >> (column % WORD_COLUMNS as usize) & 1 == 1;
    let count = bitmap.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    if let Some(length) = length {
        // A record in BEICSR that is not empty has values; in the published layout 0 stands for a bitmap of zeros.
        let used = (bitmap.len() + count).div_ceil(LINE_WORDS as usize);
        let right = if count == 0 { length == EMPTY } else { usize::from(length) == used };
        if !right {
            let what = format!(
                "the length table says {length} lines, but its bitmap has {count} values, which take {}",
                if count == 0 { 0 } else { used }
            );
            return Malformed::record(Rule::Count, what);
        }
    }
    if let Some(column) = (into.len()..slice).find(|&column| set(column)) {
        let what = format!("its bitmap has column {column}, but the row has {} columns here", into.len());
        return Malformed::record(Rule::Width, what);
    }
    // The columns are no more than a slice has, and the published layout has room for all; in BEICSR the length was compared.
    let (values, rest) = packed.split_at(count);
    for (column, &value) in (0..into.len()).filter(|&column| set(column)).zip(values) {
        let stored = f32::from_bits(value);
        into[column] = if stored == 0.0 { 0.0 } else { stored };
    }
    let used = (bitmap.len() + count).next_multiple_of(LINE_WORDS as usize);
    if let Some(word) = rest[..used - bitmap.len() - count].iter().position(|&word| word != 0) {
        let what = format!("word {} behind its {count} values is not 0", bitmap.len() + count + word);
        return Malformed::record(Rule::Padding, what);
    }
    Ok(())
}
