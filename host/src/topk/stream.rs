//! A stream, checked.

use super::{Kept, ValueFormat};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::topk::{chunk_bytes, chunks, fault, table_bytes};
use nearfield_abi::topk::{CHUNK_ELEMENTS, ENTRY_BYTES, GROUP, HEADER_BYTES, INDEX_BYTES, MAGIC, PADDING};
use std::ops::Range;

/// The rules of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Every byte that the header and the table ask for is there.
    Length,
    /// Nothing follows the last chunk.
    End,
    /// It begins with `NFTOPK01`.
    Magic,
    /// The format of the values is one there is.
    Format,
    /// Reserved bytes are 0.
    Reserved,
    /// The numbers of elements and bytes fit 64 bits.
    Elements,
    /// A chunk keeps no more elements than it has, and all together those that the header says.
    Count,
    /// A chunk's checksum is that of its bytes.
    Checksum,
    /// Indices of a chunk ascend.
    Order,
    /// Indices lie in the chunk.
    Range,
    /// Groups are filled up with 65,535 behind indices and 0 behind values.
    Padding,
}

impl Rule {
    /// What a kernel says of a stream that breaks it.
    pub fn fault(self) -> u32 {
        match self {
            Rule::Length => fault::TRUNCATED,
            Rule::End => fault::SURPLUS,
            Rule::Magic | Rule::Format | Rule::Elements | Rule::Reserved => fault::HEADER,
            Rule::Count | Rule::Padding => fault::COUNT,
            Rule::Checksum => fault::CHECKSUM,
            Rule::Order => fault::ORDER,
            Rule::Range => fault::RANGE,
        }
    }
}

/// Which rule a stream breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}{}, {what}", chunk.map_or_else(String::new, |chunk| format!(" (chunk {chunk})")))]
pub struct Malformed {
    /// The rule.
    pub rule: Rule,
    /// Bytes from the start of the stream.
    pub at: u64,
    /// The chunk it is about, if it is about one.
    pub chunk: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// A stream whose every rule has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream<'a> {
    pub(super) format: ValueFormat,
    pub(super) elements: u64,
    pub(super) kept: u64,
    pub(super) table: &'a [u8],
    pub(super) chunks: &'a [u8],
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn broken<T>(rule: Rule, at: u64, chunk: Option<u64>, what: String) -> Result<T, Malformed> {
    Err(Malformed { rule, at, chunk, what })
}

/// Refuses reserved bytes `from` to `to` that are not 0.
fn zeros(bytes: &[u8], from: u64, to: u64, chunk: Option<u64>) -> Result<(), Malformed> {
    match bytes[from as usize..to as usize].iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(offset) => broken(Rule::Reserved, from + offset as u64, chunk, "a reserved byte is not 0".into()),
    }
}

impl<'a> Stream<'a> {
    /// Checks a stream: header and table first, then chunk after chunk, its checksum before its content. Allocates nothing
    /// but the text of an error.
    ///
    /// # Errors
    ///
    /// The first rule that the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Stream<'a>, Malformed> {
        let (head, behind_table) = Stream::head(bytes, bytes.len() as u64)?;
        let stream = Stream { chunks: &bytes[behind_table as usize..], ..head };
        stream.check_chunks(behind_table)?;
        Ok(stream)
    }

    /// Checks header and table of a stream of `length` bytes, of which `bytes` are the first: all, or at least those two. Gives the
    /// stream without its chunks, and where they begin.
    pub(super) fn head(bytes: &'a [u8], length: u64) -> Result<(Stream<'a>, u64), Malformed> {
        if length < HEADER_BYTES {
            return broken(Rule::Length, length, None, format!("it ends; the header alone has {HEADER_BYTES} bytes"));
        }
        if bytes[..MAGIC.len()] != MAGIC {
            let magic = String::from_utf8_lossy(&MAGIC).into_owned();
            return broken(Rule::Magic, 0, None, format!("it does not begin with `{magic}`"));
        }
        let code = u32_at(bytes, 8);
        let Some(format) = ValueFormat::from_code(code) else {
            return broken(
                Rule::Format,
                8,
                None,
                format!("the values' format is {code}; 0 (fp32), 1 (fp16) and 2 (bf16) are known"),
            );
        };
        zeros(bytes, 12, 16, None)?;
        let (elements, kept) = (u64_at(bytes, 16), u64_at(bytes, 24));
        if kept > elements {
            return broken(
                Rule::Count,
                24,
                None,
                format!("{kept} elements are said to be kept, but there are {elements}"),
            );
        }
        zeros(bytes, 32, HEADER_BYTES, None)?;
        let behind_table = table_bytes(elements).and_then(|table| table.checked_add(HEADER_BYTES));
        let Some(behind_table) = behind_table else {
            return broken(Rule::Elements, 16, None, format!("the table of {elements} elements does not fit 64 bits"));
        };
        if length < behind_table {
            return broken(
                Rule::Length,
                length,
                None,
                format!("it ends; header and table of {elements} elements have {behind_table} bytes"),
            );
        }
        let head = &bytes[..behind_table as usize];
        let stream = Stream { format, elements, kept, table: &head[HEADER_BYTES as usize..], chunks: &[] };
        stream.check_table(head, length)?;
        Ok((stream, behind_table))
    }

    /// Elements of the run.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// Kept elements.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// How the values are stored.
    pub fn format(&self) -> ValueFormat {
        self.format
    }

    /// Kept elements with their indices in the run. Takes memory for them, which is at most three times the stream.
    pub fn pairs(&self) -> Kept {
        let count = self.kept as usize;
        let mut kept = Kept { indices: Vec::with_capacity(count), values: Vec::with_capacity(count) };
        self.for_each(|index, value| kept.push(index, value));
        kept
    }

    /// Lays the run out densely: kept elements at their places, +0 everywhere else.
    ///
    /// # Panics
    ///
    /// If `run` does not have [`Stream::elements`] elements.
    pub fn expand_into(&self, run: &mut [f32]) {
        assert_eq!(run.len() as u64, self.elements, "the run's number of elements");
        run.fill(0.0);
        self.for_each(|index, value| run[index as usize] = value);
    }

    /// A run of its chunks, as a stream of its own.
    ///
    /// # Panics
    ///
    /// If the elements leave the run, do not begin with a chunk, or end neither with a chunk nor with the run.
    pub fn part(&self, elements: Range<u64>) -> Stream<'a> {
        let first = (elements.start / CHUNK_ELEMENTS) as usize;
        let bytes = |counts: &mut dyn Iterator<Item = u32>| counts.map(|kept| self.bytes_of(kept)).sum::<usize>();
        let part = self.part_without_chunks(elements);
        let before = bytes(&mut self.counts().take(first));
        let here = bytes(&mut part.counts());
        Stream { chunks: &self.chunks[before..before + here], ..part }
    }

    /// The same, of which only header and table are there.
    pub(super) fn part_without_chunks(&self, elements: Range<u64>) -> Stream<'a> {
        let ends = elements.end.is_multiple_of(CHUNK_ELEMENTS) || elements.end == self.elements;
        assert!(
            elements.start.is_multiple_of(CHUNK_ELEMENTS) && ends && elements.end <= self.elements,
            "a run of chunks"
        );
        let (first, end) = ((elements.start / CHUNK_ELEMENTS) as usize, chunks(elements.end) as usize);
        let entry = ENTRY_BYTES as usize;
        Stream {
            format: self.format,
            elements: elements.end - elements.start,
            kept: self.counts().take(end).skip(first).map(u64::from).sum(),
            table: &self.table[entry * first..entry * end],
            chunks: &[],
        }
    }

    /// Bytes of the whole stream.
    pub fn byte_length(&self) -> u64 {
        // No overflow: all of it but padding lies in memory.
        HEADER_BYTES + table_bytes(self.elements).unwrap_or(0) + self.chunks.len() as u64
    }

    /// The stream, front to back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_length() as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.format.code().to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.elements.to_le_bytes());
        bytes.extend_from_slice(&self.kept.to_le_bytes());
        bytes.resize(HEADER_BYTES as usize, 0);
        bytes.extend_from_slice(&self.table[..(ENTRY_BYTES * chunks(self.elements)) as usize]);
        bytes.resize(self.byte_length() as usize - self.chunks.len(), 0);
        bytes.extend_from_slice(self.chunks);
        bytes
    }

    pub(crate) fn for_each(&self, mut take: impl FnMut(u64, f32)) {
        let mut rest = self.chunks;
        for (chunk, kept) in self.counts().enumerate() {
            let base = chunk as u64 * CHUNK_ELEMENTS;
            let (here, after) = rest.split_at(self.bytes_of(kept));
            rest = after;
            for (count, indices, values) in self.groups(here, kept) {
                for (index, value) in indices.chunks_exact(2).zip(values.chunks_exact(self.format.bytes())).take(count)
                {
                    take(base + u64::from(u16::from_le_bytes([index[0], index[1]])), self.format.load(value));
                }
            }
        }
    }

    /// The kept count of each chunk.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> + 'a {
        let entries = self.table.chunks_exact(ENTRY_BYTES as usize);
        entries.take(chunks(self.elements) as usize).map(|entry| u32_at(entry, 0))
    }

    /// Bytes of a chunk. Only for counts that the table's check has let pass, so that they fit.
    pub(super) fn bytes_of(&self, kept: u32) -> usize {
        chunk_bytes(kept, self.format.code()).unwrap_or(0) as usize
    }

    /// The groups of a chunk: how many elements, bytes of the indices, bytes of the values.
    fn groups(&self, chunk: &'a [u8], kept: u32) -> impl Iterator<Item = (usize, &'a [u8], &'a [u8])> {
        let groups = chunk.chunks_exact(self.bytes_of(1));
        groups.enumerate().map(move |(number, group)| {
            let (indices, values) = group.split_at(INDEX_BYTES as usize);
            ((kept as usize - number * GROUP as usize).min(GROUP as usize), indices, values)
        })
    }

    /// Counts, reserved bytes, and that the chunks end where the stream does. `head` is header and table.
    fn check_table(&self, head: &[u8], length: u64) -> Result<(), Malformed> {
        // No overflow: at most 65,536 a chunk, and there are fewer than 2^44 chunks, for the table is in memory.
        let (mut kept_so_far, mut end) = (0, head.len() as u64);
        let mut elements = self.elements;
        let mut at = HEADER_BYTES;
        for (chunk, kept) in (0..).zip(self.counts()) {
            let here = elements.min(CHUNK_ELEMENTS);
            if u64::from(kept) > here {
                return broken(Rule::Count, at, Some(chunk), format!("{kept} elements are said to be kept of {here}"));
            }
            zeros(head, at + 4, at + 8, Some(chunk))?;
            kept_so_far += u64::from(kept);
            end += self.bytes_of(kept) as u64;
            elements -= here;
            at += ENTRY_BYTES;
        }
        zeros(head, at, head.len() as u64, None)?;
        if kept_so_far != self.kept {
            let said = self.kept;
            return broken(
                Rule::Count,
                24,
                None,
                format!("{said} elements are said to be kept, but the table has {kept_so_far}"),
            );
        }
        match length.cmp(&end) {
            std::cmp::Ordering::Less => {
                broken(Rule::Length, length, None, format!("it ends; by its table it has {end} bytes"))
            }
            std::cmp::Ordering::Greater => {
                broken(Rule::End, end, None, format!("its last chunk ends, but there are {} bytes more", length - end))
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// Checksums, indices and padding. The first chunk lies at byte `at`.
    fn check_chunks(&self, mut at: u64) -> Result<(), Malformed> {
        let mut rest = self.chunks;
        let mut elements = self.elements;
        for ((chunk, kept), entry) in (0..).zip(self.counts()).zip(self.table.chunks_exact(ENTRY_BYTES as usize)) {
            let (here, after) = rest.split_at(self.bytes_of(kept));
            rest = after;
            let (said, found) = (u64_at(entry, 8), Checksum::of(here).folded());
            if said != found {
                let what = format!("the chunk's checksum is {found:#018x}, but the table says {said:#018x}");
                return broken(Rule::Checksum, at, Some(chunk), what);
            }
            self.check_groups(here, kept, elements.min(CHUNK_ELEMENTS), chunk, at)?;
            elements = elements.saturating_sub(CHUNK_ELEMENTS);
            at += here.len() as u64;
        }
        Ok(())
    }

    fn check_groups(
        &self,
        bytes: &'a [u8],
        kept: u32,
        elements: u64,
        chunk: u64,
        mut at: u64,
    ) -> Result<(), Malformed> {
        let mut least = 0;
        for (count, indices, values) in self.groups(bytes, kept) {
            for (position, index) in (0..).zip(indices.chunks_exact(2)) {
                let (index, at) = (u16::from_le_bytes([index[0], index[1]]), at + 2 * position as u64);
                if position >= count {
                    if index != PADDING {
                        let what = format!("there is index {index} behind the group's last of {count}, not {PADDING}");
                        return broken(Rule::Padding, at, Some(chunk), what);
                    }
                    continue;
                }
                let index = u64::from(index);
                if index >= elements {
                    return broken(
                        Rule::Range,
                        at,
                        Some(chunk),
                        format!("index {index} is not below the chunk's {elements} elements"),
                    );
                }
                if index < least {
                    let what = format!("index {index} does not lie behind {}, the one before it", least - 1);
                    return broken(Rule::Order, at, Some(chunk), what);
                }
                least = index + 1;
            }
            at += INDEX_BYTES;
            let used = count * self.format.bytes();
            if let Some(offset) = values[used..].iter().position(|&byte| byte != 0) {
                let what = format!("a byte behind the group's {count} values is not 0");
                return broken(Rule::Padding, at + (used + offset) as u64, Some(chunk), what);
            }
            at += values.len() as u64;
        }
        Ok(())
    }
}
