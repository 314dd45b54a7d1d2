//! Gradients that are Top-K streams, one a subgroup: in a safetensors file, or as they were just made.

use super::{Form, GradientError, Source};
use crate::safetensors::{ElementType, Shards};
use crate::store::{Layout, Piece};
use crate::topk::Outline;
use nearfield_abi::topk::{chunk_bytes, chunks, table_bytes, CHUNK_ELEMENTS, HEADER_BYTES};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// A file of streams, their tables in memory.
#[derive(Debug)]
pub struct Streams {
    place: Place,
    outlines: Vec<Outline>,
}

/// Where the streams lie.
#[derive(Debug)]
enum Place {
    /// As tensors.
    Tensors(Shards),
    /// One behind the other, with where each begins.
    Spool(File, Vec<u64>),
}

/// Streams that are being written into a file, in the order of the subgroups, to be gradients after the last one.
#[derive(Debug)]
pub struct Spool {
    file: File,
    begins: Vec<u64>,
    end: u64,
    outlines: Vec<Outline>,
}

impl Spool {
    /// Into an empty file that nobody else writes.
    pub fn new(file: File) -> Spool {
        Spool { file, begins: Vec::new(), end: 0, outlines: Vec::new() }
    }

    /// Adds the next subgroup's stream.
    ///
    /// # Errors
    ///
    /// [`GradientError::Spool`], and [`GradientError::Malformed`] if it is no stream.
    pub fn add(&mut self, stream: &[u8]) -> Result<(), GradientError> {
        let (subgroup, length) = (self.outlines.len(), stream.len() as u64);
        let malformed = |malformed| GradientError::Malformed { subgroup, malformed };
        self.outlines.push(Outline::parse(stream, length).map_err(malformed)?);
        self.begins.push(self.end);
        self.end += length;
        self.file.write_all(stream).map_err(GradientError::Spool)
    }

    /// What was written, as gradients.
    pub fn finish(self) -> Streams {
        Streams { place: Place::Spool(self.file, self.begins), outlines: self.outlines }
    }
}

/// The name of a subgroup's stream in a file.
pub fn stream_name(subgroup: usize) -> String {
    format!("subgroup.{subgroup}")
}

impl Streams {
    /// Of a file that has exactly the streams of a store's subgroups. Headers and tables are checked here, chunks when they are read.
    ///
    /// # Errors
    ///
    /// [`GradientError::Subgroups`] and [`GradientError::Malformed`].
    pub fn open(shards: Shards, layout: &Layout) -> Result<Streams, GradientError> {
        let refused = |what: String| GradientError::Subgroups { path: shards.path().into(), what };
        let (there, needed) = (shards.tensors().count(), layout.subgroups().len());
        if there != needed {
            return Err(refused(format!("it has {there} tensors, but the store has {needed} subgroups")));
        }
        let mut outlines = Vec::new();
        for subgroup in layout.subgroups() {
            let name = stream_name(subgroup.number);
            let info = match shards.tensor(&name) {
                Some(info) if info.element == ElementType::U8 => info,
                _ => return Err(refused(format!("it has no U8 tensor {name:?}"))),
            };
            let length = info.elements() as u64;
            // A table no longer than the subgroup's: a header that asks for more is refused by its own number.
            let head = HEADER_BYTES + table_bytes(subgroup.elements).unwrap_or(0);
            let mut bytes = vec![0; head.min(length) as usize];
            shards.read(&name, 0, &mut bytes)?;
            let elements = Outline::elements_of(&bytes);
            if let Some(elements) = elements.filter(|elements| *elements != subgroup.elements) {
                let (number, needed) = (subgroup.number, subgroup.elements);
                return Err(refused(format!("subgroup {number} has {elements} elements instead of {needed}")));
            }
            let malformed = |malformed| GradientError::Malformed { subgroup: subgroup.number, malformed };
            outlines.push(Outline::parse(&bytes, length).map_err(malformed)?);
        }
        Ok(Streams { place: Place::Tensors(shards), outlines })
    }
}

impl Source for Streams {
    fn form(&self) -> Form {
        Form::TopK
    }

    fn most_bytes(&self, elements: u64) -> u64 {
        // What the largest piece of the file needs, and never more than a stream that keeps everything.
        let each = chunks(elements).max(1) as usize;
        let most = self.outlines.iter().map(|outline| outline.most_bytes(each)).max().unwrap_or(0);
        let all = chunk_bytes(CHUNK_ELEMENTS as u32, 0).unwrap_or(0) * each as u64;
        (HEADER_BYTES + table_bytes(elements).unwrap_or(0) + most.min(all)).next_multiple_of(64)
    }

    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError> {
        let outline = &self.outlines[piece.subgroup.number];
        let range = piece.first..piece.first + piece.elements;
        let (head, at) = outline.part(range);
        let bytes = head.len() + (at.end - at.start) as usize;
        into[..head.len()].copy_from_slice(&head);
        let (number, rest) = (piece.subgroup.number, &mut into[head.len()..bytes]);
        match &self.place {
            Place::Tensors(shards) => shards.read(&stream_name(number), at.start, rest)?,
            Place::Spool(file, begins) => {
                file.read_exact_at(rest, begins[number] + at.start).map_err(GradientError::Spool)?;
            }
        }
        Ok(bytes)
    }
}
