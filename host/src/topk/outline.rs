//! What of a stream is kept in memory while its chunks lie in a file: where each of them is.

use super::stream::u64_at;
use super::{Malformed, Stream};
use nearfield_abi::topk::{chunks, CHUNK_ELEMENTS, HEADER_BYTES};
use std::ops::Range;

/// A checked header and table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Header and table, as they are.
    head: Vec<u8>,
    elements: u64,
    /// Where every chunk begins in the stream, and where the last one ends.
    begins: Vec<u64>,
}

impl Outline {
    /// The number of elements that a header says, if there is one.
    pub fn elements_of(bytes: &[u8]) -> Option<u64> {
        (bytes.len() as u64 >= HEADER_BYTES).then(|| u64_at(bytes, 16))
    }

    /// Checks header and table of a stream of `length` bytes; `bytes` are its first ones.
    ///
    /// # Errors
    ///
    /// The first rule of [`Stream::parse`] that they break. The chunks are not looked at.
    pub fn parse(bytes: &[u8], length: u64) -> Result<Outline, Malformed> {
        let (stream, mut at) = Stream::head(bytes, length)?;
        let mut begins = vec![at];
        for kept in stream.counts() {
            at += stream.bytes_of(kept) as u64;
            begins.push(at);
        }
        Ok(Outline { head: bytes[..begins[0] as usize].into(), elements: stream.elements(), begins })
    }

    /// Elements of the run.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// The most bytes of so many chunks in a row.
    pub fn most_bytes(&self, chunks: usize) -> u64 {
        let last = self.begins.len() - 1;
        (0..last).map(|first| self.begins[last.min(first + chunks)] - self.begins[first]).max().unwrap_or(0)
    }

    /// A run of its chunks as a stream of its own: its header and table, and where its chunks lie.
    ///
    /// # Panics
    ///
    /// If the elements leave the run, do not begin with a chunk, or end neither with a chunk nor with the run.
    pub fn part(&self, elements: Range<u64>) -> (Vec<u8>, Range<u64>) {
        // No overflow and no error: the head was checked, with its length.
        let length = self.begins[self.begins.len() - 1];
        let stream = Stream::head(&self.head, length).map(|(stream, _)| stream.part_without_chunks(elements.clone()));
        let head = stream.map(|part| part.to_bytes()).unwrap_or_default();
        let (first, end) = (elements.start / CHUNK_ELEMENTS, chunks(elements.end));
        (head, self.begins[first as usize]..self.begins[end as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{encode, Kept, ValueFormat};
    use super::*;

    #[test]
    fn its_parts_are_those_of_the_stream() {
        let mut kept = Kept::default();
        [5, 65_535, 65_536, 140_000, 262_143].into_iter().for_each(|i| kept.push(i, i as f32));
        for format in ValueFormat::ALL {
            let bytes = encode(262_144, format, &kept).unwrap();
            let stream = Stream::parse(&bytes).unwrap();
            let outline = Outline::parse(&bytes[..128], bytes.len() as u64).unwrap();
            assert_eq!((outline.elements(), Outline::elements_of(&bytes)), (262_144, Some(262_144)));
            for range in [0..262_144, 65_536..131_072, 131_072..262_144, 0..65_536] {
                let (mut part, at) = outline.part(range.clone());
                part.extend_from_slice(&bytes[at.start as usize..at.end as usize]);
                assert_eq!(part, stream.part(range).to_bytes());
            }
            assert_eq!(outline.most_bytes(4), bytes.len() as u64 - 128);
            assert!(outline.most_bytes(1) < outline.most_bytes(2));
            assert!(Outline::parse(&bytes[..128], bytes.len() as u64 - 1).is_err());
        }
    }
}
