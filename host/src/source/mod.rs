//! Where a step's gradients come from: tensors of safetensors files, Top-K streams in one, or memory.
//!
//! Files are looked at when a source is opened (names, shapes, types, lengths, tables); the gradients themselves are read a piece at a
//! time, and never all in memory.

mod compress;
mod dense;
mod error;
mod kept;
mod memory;
mod streams;

pub(crate) use compress::scaled;
pub use compress::{compress, Feedback, SendError, Sent, TopK};
pub use dense::Dense;
pub use error::{GradientError, MatchError};
pub use kept::Kept;
pub use memory::InMemory;
pub use streams::{stream_name, Spool, Streams};

use crate::disk::Aligned;
use crate::gradients::Gradients;
use crate::safetensors::{ElementType, Shards};
use crate::store::{Layout, Piece, TensorEntry};
use crate::topk::Stream;
use nearfield_model::gradient_norm::SquareSum;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// How gradients come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Dense, IEEE 754 binary32.
    Fp32,
    /// Dense, IEEE 754 binary16.
    Fp16,
    /// Dense, bfloat16.
    Bf16,
    /// A Top-K stream a piece.
    TopK,
}

impl Form {
    /// Of dense elements of a file.
    fn of(element: ElementType) -> Option<Form> {
        match element {
            ElementType::F32 => Some(Form::Fp32),
            ElementType::F16 => Some(Form::Fp16),
            ElementType::BF16 => Some(Form::Bf16),
            ElementType::U8 => None,
        }
    }

    /// Bytes of a dense element.
    fn value_bytes(self) -> u64 {
        match self {
            Form::Fp32 => 4,
            Form::Fp16 | Form::Bf16 | Form::TopK => 2,
        }
    }

    /// What was read of a piece, as gradients.
    ///
    /// # Errors
    ///
    /// When a stream breaks a rule.
    pub fn view<'a>(self, piece: &Piece, bytes: &'a [u8]) -> Result<Gradients<'a>, GradientError> {
        Ok(match self {
            Form::Fp32 => Gradients::Fp32(bytemuck::cast_slice(bytes)),
            Form::Fp16 => Gradients::Fp16(bytemuck::cast_slice(bytes)),
            Form::Bf16 => Gradients::Bf16(bytemuck::cast_slice(bytes)),
            Form::TopK => {
                let subgroup = piece.subgroup.number;
                let malformed = |malformed| GradientError::Malformed { subgroup, malformed };
                Gradients::TopK(Stream::parse(bytes).map_err(malformed)?)
            }
        })
    }
}

/// Gradients of a store's flat run.
pub trait Source: Debug + Send + Sync {
    /// How they come.
    fn form(&self) -> Form;

    /// The most bytes that a piece of this many elements has.
    fn most_bytes(&self, elements: u64) -> u64;

    /// Reads the gradients of a piece into `into`, which begins on a page and has room for them; gives the number of bytes.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or a stream's table is not what it was when the source was opened.
    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError>;

    /// Says whether what was read is what had been written, once all pieces have been read.
    ///
    /// # Errors
    ///
    /// When it is not.
    fn verify(&self) -> Result<(), GradientError> {
        Ok(())
    }
}

/// Opens gradients: a safetensors file or a folder of them with a tensor for every parameter, of its name and shape and all of one type,
/// or a file of streams, one a subgroup.
///
/// # Errors
///
/// When they cannot be read, or are not of this model.
pub fn open(path: &Path, tensors: &[TensorEntry], layout: &Layout) -> Result<Arc<dyn Source>, GradientError> {
    let shards = Shards::open(path)?;
    let streams = shards.tensors().any(|(_, info)| info.element == ElementType::U8);
    match streams {
        true => Ok(Arc::new(Streams::open(shards, layout)?)),
        false => Ok(Arc::new(Dense::open(shards, tensors)?)),
    }
}

/// Elements of a piece where gradients are only looked at.
const PIECE: u64 = 1 << 20;

/// Calls `take` with every piece of a source in the order of the model.
///
/// # Errors
///
/// As [`Source::read`].
pub fn for_each_piece(
    source: &dyn Source,
    layout: &Layout,
    mut take: impl FnMut(&Piece, Gradients<'_>) -> Result<(), GradientError>,
) -> Result<(), GradientError> {
    let room = source.most_bytes(PIECE) as usize;
    let mut memory = Aligned::new(room).map_err(|source| GradientError::NoMemory { bytes: room, source })?;
    let memory = memory.bytes_mut();
    for subgroup in layout.subgroups() {
        for piece in subgroup.pieces(PIECE) {
            let bytes = source.read(&piece, memory)?;
            take(&piece, source.form().view(&piece, &memory[..bytes])?)?;
        }
    }
    Ok(())
}

/// The exact sum of squares of all gradients, and whether all are finite.
///
/// # Errors
///
/// As [`Source::read`].
pub fn sum_of_squares(
    source: &dyn Source,
    layout: &Layout,
    progress: &mut dyn FnMut(u64),
) -> Result<SquareSum, GradientError> {
    let mut sum = SquareSum::default();
    for_each_piece(source, layout, |piece, grads| {
        sum.add_sum(&grads.sum_of_squares());
        progress(piece.range().end);
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests;
