//! A matrix of records.

use super::{check_record, decode_record, encode_record, Layout, Malformed, Rule, Shape};

/// A matrix as records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its shape.
    pub shape: Shape,
    /// Its layout.
    pub layout: Layout,
    /// The records, [`Layout::words`] each, little-endian in memory.
    pub words: Vec<u32>,
    /// The length of each record. The published layout may do without.
    pub table: Vec<u8>,
}

/// The records of a dense matrix `[rows, width]`, row-major without padding.
///
/// # Panics
///
/// If there are not `rows · width` features.
pub fn encode(layout: Layout, shape: Shape, features: &[f32]) -> Encoded {
    assert_eq!(features.len(), shape.rows() * shape.width(), "features of the matrix");
    let words = layout.words(shape.slice());
    let mut encoded =
        Encoded { shape, layout, words: vec![0; shape.records() * words], table: vec![0; shape.records()] };
    let records = encoded.words.chunks_exact_mut(words).zip(&mut encoded.table);
    for ((row, columns), (record, length)) in shape.each_record().zip(records) {
        let values = &features[row * shape.width()..][columns];
        *length = encode_record(layout, shape.slice(), values, record);
    }
    encoded
}

/// Checks records and their lengths. Longer buffers are taken. [`Layout::Published`] does without lengths where there are none.
///
/// # Errors
///
/// When a buffer is too small for the shape, before anything is looked at, and the first record that breaks a rule.
pub fn check(layout: Layout, shape: Shape, words: &[u32], table: Option<&[u8]>) -> Result<(), Malformed> {
    let (each, records) = (layout.words(shape.slice()), shape.records());
    if words.len() < each * records {
        let (given, needed) = (4 * words.len(), 4 * each * records);
        let what = format!("the features have {given} bytes, but {records} records take {needed}; give all of them");
        return Err(Malformed::whole(Rule::Features, what));
    }
    let given = table.map_or(0, <[u8]>::len);
    if given < records && (table.is_some() || layout == Layout::Beicsr) {
        let what = format!("the length table has {given} bytes, but there are {records} records; give one a record");
        return Err(Malformed::whole(Rule::Table, what));
    }
    for (number, ((_, columns), record)) in shape.each_record().zip(words.chunks_exact(each)).enumerate() {
        check_record(layout, shape.slice(), columns.len(), table.map(|table| table[number]), record)
            .map_err(|malformed| malformed.at(shape, number))?;
    }
    Ok(())
}

/// The dense matrix `[rows, width]`, row-major without padding, of records and their lengths, as [`check`] takes them.
///
/// # Errors
///
/// As [`check`], before anything is allocated.
pub fn decode(layout: Layout, shape: Shape, words: &[u32], table: Option<&[u8]>) -> Result<Vec<f32>, Malformed> {
    check(layout, shape, words, table)?;
    let each = layout.words(shape.slice());
    let mut features = vec![0.0; shape.rows() * shape.width()];
    for (number, ((row, columns), record)) in shape.each_record().zip(words.chunks_exact(each)).enumerate() {
        let into = &mut features[row * shape.width()..][columns];
        decode_record(layout, shape.slice(), table.map(|table| table[number]), record, into)?;
    }
    Ok(features)
}
