//! From kept elements to a stream.

use super::{Kept, ValueFormat};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::topk::{chunk_bytes, table_bytes};
use nearfield_abi::topk::{CHUNK_ELEMENTS, ENTRY_BYTES, GROUP, HEADER_BYTES, INDEX_BYTES, MAGIC, PADDING};

/// Why kept elements were not made a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An index does not lie behind the one before it.
    #[error("kept element {position} has index {index} behind index {before}; sort the elements, each index once")]
    Order {
        /// Which of the kept elements, from 0.
        position: u64,
        /// Its index.
        index: u64,
        /// The index before it.
        before: u64,
    },
    /// An index lies past the run's end.
    #[error("index {index} is kept, but the run has {elements} elements; keep indices below that")]
    Range {
        /// The index.
        index: u64,
        /// Elements of the run.
        elements: u64,
    },
    /// Indices and values differ in number.
    #[error("there are {indices} indices and {values} values; give a value for each index")]
    Lengths {
        /// Number of indices.
        indices: u64,
        /// Number of values.
        values: u64,
    },
    /// The stream does not fit the memory.
    #[error(
        "the stream of a run of {elements} elements does not fit this machine's memory; cut the run into shorter ones"
    )]
    Memory {
        /// Elements of the run.
        elements: u64,
    },
}

/// The stream of a run of `elements` elements of which these are kept, their values rounded to `format`.
///
/// # Errors
///
/// When indices do not ascend, leave the run or do not match the values, and when the stream does not fit the memory.
pub fn encode(elements: u64, format: ValueFormat, kept: &Kept) -> Result<Vec<u8>, EncodeError> {
    check(elements, kept)?;
    let memory = || EncodeError::Memory { elements };
    let mut stream = Vec::new();
    let table = HEADER_BYTES as usize;
    let chunks = table_bytes(elements).and_then(|bytes| bytes.checked_add(HEADER_BYTES)).ok_or_else(memory)?;
    // Not a bound of the chunks' bytes, which are padded; the vector grows for what is missing.
    let expected = chunks.checked_add((kept.len() * (2 + format.bytes())) as u64).ok_or_else(memory)?;
    stream.try_reserve(usize::try_from(expected).map_err(|_| memory())?).map_err(|_| memory())?;
    stream.extend(MAGIC);
    stream.extend(format.code().to_le_bytes());
    stream.extend([0; 4]);
    stream.extend(elements.to_le_bytes());
    stream.extend((kept.len() as u64).to_le_bytes());
    stream.resize(chunks as usize, 0);
    let mut begin = 0;
    while begin < kept.len() {
        let chunk = kept.indices[begin] / CHUNK_ELEMENTS;
        let inside = kept.indices[begin..].partition_point(|index| index / CHUNK_ELEMENTS == chunk);
        let end = begin + inside;
        let at = stream.len();
        for (indices, values) in
            kept.indices[begin..end].chunks(GROUP as usize).zip(kept.values[begin..end].chunks(GROUP as usize))
        {
            group(&mut stream, format, indices, values);
        }
        debug_assert_eq!(Some((stream.len() - at) as u64), chunk_bytes(inside as u32, format.code()));
        let checksum = Checksum::of(&stream[at..]).folded();
        let entry = table + (chunk * ENTRY_BYTES) as usize;
        stream[entry..entry + 4].copy_from_slice(&(inside as u32).to_le_bytes());
        stream[entry + 8..entry + 16].copy_from_slice(&checksum.to_le_bytes());
        begin = end;
    }
    Ok(stream)
}

fn check(elements: u64, kept: &Kept) -> Result<(), EncodeError> {
    if kept.indices.len() != kept.values.len() {
        let (indices, values) = (kept.indices.len() as u64, kept.values.len() as u64);
        return Err(EncodeError::Lengths { indices, values });
    }
    if let Some(position) = kept.indices.windows(2).position(|pair| pair[1] <= pair[0]) {
        let (before, index) = (kept.indices[position], kept.indices[position + 1]);
        return Err(EncodeError::Order { position: position as u64 + 1, index, before });
    }
    match kept.indices.last() {
        Some(&index) if index >= elements => Err(EncodeError::Range { index, elements }),
        _ => Ok(()),
    }
}

/// Appends a group of up to [`GROUP`] elements of one chunk.
fn group(stream: &mut Vec<u8>, format: ValueFormat, indices: &[u64], values: &[f32]) {
    let (at, bytes) = (stream.len(), format.bytes());
    stream.resize(at + INDEX_BYTES as usize + GROUP as usize * bytes, 0);
    let (offsets, stored) = stream[at..].split_at_mut(INDEX_BYTES as usize);
    let inside = indices.iter().map(|index| (index % CHUNK_ELEMENTS) as u16);
    for (offset, into) in inside.chain(std::iter::repeat(PADDING)).zip(offsets.chunks_exact_mut(2)) {
        into.copy_from_slice(&offset.to_le_bytes());
    }
    for (value, into) in values.iter().zip(stored.chunks_exact_mut(bytes)) {
        format.store(*value, into);
    }
}
