//! Plain compressed rows, a row of a slice at a time: the layout that BEICSR is compared with.

use super::{Malformed, Rule, Shape};

/// A value that is not ±0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Pair {
    /// Its column within the slice.
    pub column: u32,
    /// The value.
    pub value: f32,
}

/// Where a record's pairs lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry {
    /// Its first pair, counted from the first of all.
    pub start: u32,
    /// How many it has.
    pub count: u32,
}

/// A matrix as pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// Its shape.
    pub shape: Shape,
    /// The pairs of all records, one behind the other.
    pub pairs: Vec<Pair>,
    /// An entry for each record.
    pub table: Vec<Entry>,
}

/// The pairs of a dense matrix `[rows, width]`, row-major without padding.
///
/// # Errors
///
/// When there are 2^32 pairs or more, which an entry cannot count.
///
/// # Panics
///
/// If there are not `rows · width` features.
pub fn encode_pairs(shape: Shape, features: &[f32]) -> Result<Pairs, Malformed> {
    assert_eq!(features.len(), shape.rows() * shape.width(), "features of the matrix");
    let mut encoded = Pairs { shape, pairs: Vec::new(), table: Vec::with_capacity(shape.records()) };
    for (row, columns) in shape.each_record() {
        let start = encoded.pairs.len();
        let values = &features[row * shape.width()..][columns];
        let stored = (0..).zip(values).filter(|(_, &value)| value != 0.0);
        encoded.pairs.extend(stored.map(|(column, &value)| Pair { column, value }));
        let Ok(end) = u32::try_from(encoded.pairs.len()) else {
            let what = "there are 2^32 values or more, which the table cannot count; cut the rows into several runs";
            return Err(Malformed::whole(Rule::Table, what.into()).at(shape, encoded.table.len()));
        };
        encoded.table.push(Entry { start: start as u32, count: end - start as u32 });
    }
    Ok(encoded)
}

/// The dense matrix `[rows, width]`, row-major without padding, of pairs and their table. Longer buffers are taken.
///
/// # Errors
///
/// When the table is too small, before anything is allocated, and the first record whose pairs leave the buffer, do not ascend or
/// leave the row.
pub fn decode_pairs(shape: Shape, pairs: &[Pair], table: &[Entry]) -> Result<Vec<f32>, Malformed> {
    let records = shape.records();
    if table.len() < records {
        let what = format!("the table has {} entries, but there are {records} records; give one a record", table.len());
        return Err(Malformed::whole(Rule::Table, what));
    }
    let mut features = vec![0.0; shape.rows() * shape.width()];
    for (number, ((row, columns), entry)) in shape.each_record().zip(table).enumerate() {
        let into = &mut features[row * shape.width()..][columns];
        one(pairs, *entry, into).map_err(|malformed| malformed.at(shape, number))?;
    }
    Ok(features)
}

fn one(pairs: &[Pair], entry: Entry, into: &mut [f32]) -> Result<(), Malformed> {
    let Entry { start, count } = entry;
    let all = pairs.len();
    let Some(pairs) = (start as usize).checked_add(count as usize).and_then(|end| pairs.get(start as usize..end))
    else {
        let what = format!("its {count} pairs begin at pair {start}, but there are {all}");
        return Malformed::record(Rule::Features, what);
    };
    let mut least = 0;
    for pair in pairs {
        let column = pair.column as usize;
        if column >= into.len() {
            let what = format!("it has column {column}, but the row has {} columns here", into.len());
            return Malformed::record(Rule::Width, what);
        }
        if column < least {
            let what = format!("column {column} does not lie behind {}, the one before it", least - 1);
            return Malformed::record(Rule::Order, what);
        }
        least = column + 1;
        into[column] = if pair.value == 0.0 { 0.0 } else { pair.value };
    }
    Ok(())
}
