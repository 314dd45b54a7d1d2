//! Gradients that are Top-K streams, one a subgroup.

use super::{Form, GradientError, Source};
use crate::safetensors::{ElementType, Shards};
use crate::store::{Layout, Piece};
use crate::topk::Outline;
use nearfield_abi::topk::{chunk_bytes, chunks, table_bytes, CHUNK_ELEMENTS, HEADER_BYTES};

/// A file of streams, their tables in memory.
#[derive(Debug)]
pub struct Streams {
    shards: Shards,
    outlines: Vec<Outline>,
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
        Ok(Streams { shards, outlines })
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
        self.shards.read(&stream_name(piece.subgroup.number), at.start, &mut into[head.len()..bytes])?;
        Ok(bytes)
    }
}
