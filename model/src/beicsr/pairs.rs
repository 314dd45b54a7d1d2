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

impl Pairs {
    /// The pairs as they lie in memory: two 32-bit words each, little-endian there.
    pub fn pair_words(&self) -> Vec<u32> {
        self.pairs.iter().flat_map(|pair| [pair.column, pair.value.to_bits()]).collect()
    }

    /// The table as it lies in memory: two 32-bit words a record, little-endian there.
    pub fn table_words(&self) -> Vec<u32> {
        self.table.iter().flat_map(|entry| [entry.start, entry.count]).collect()
    }
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

/// Checks pairs and their table. Longer buffers are taken.
///
/// # Errors
///
/// When the table is too small, and the first record whose pairs leave the buffer, do not ascend or leave the row.
pub fn check_pairs(shape: Shape, pairs: &[Pair], table: &[Entry]) -> Result<(), Malformed> {
    let records = shape.records();
    if table.len() < records {
        let what = format!("the table has {} entries, but there are {records} records; give one a record", table.len());
        return Err(Malformed::whole(Rule::Table, what));
    }
    for (number, ((_, columns), entry)) in shape.each_record().zip(table).enumerate() {
        check_one(pairs, *entry, columns.len()).map_err(|malformed| malformed.at(shape, number))?;
    }
    Ok(())
}

/// The dense matrix `[rows, width]`, row-major without padding, of pairs and their table.
///
/// # Errors
///
/// As [`check_pairs`], before anything is allocated.
pub fn decode_pairs(shape: Shape, pairs: &[Pair], table: &[Entry]) -> Result<Vec<f32>, Malformed> {
    check_pairs(shape, pairs, table)?;
    let mut features = vec![0.0; shape.rows() * shape.width()];
    for ((row, columns), entry) in shape.each_record().zip(table) {
        let into = &mut features[row * shape.width()..][columns];
        for pair in &pairs[entry.start as usize..][..entry.count as usize] {
            into[pair.column as usize] = if pair.value == 0.0 { 0.0 } else { pair.value };
        }
    }
    Ok(features)
}

fn check_one(pairs: &[Pair], entry: Entry, columns: usize) -> Result<(), Malformed> {
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
        if column >= columns {
            let what = format!("it has column {column}, but the row has {columns} columns here");
            return Malformed::record(Rule::Width, what);
        }
        if column < least {
            let what = format!("column {column} does not lie behind {}, the one before it", least - 1);
            return Malformed::record(Rule::Order, what);
        }
        least = column + 1;
    }
    Ok(())
}
