//! Gradients on their way through the compressor, a subgroup at a time: what `nearfield compress` and `nearfield step --top-k` do.

use super::{Form, GradientError, Source};
use crate::compress::{Amount, CompressError, Compressor};
use crate::disk::Aligned;
use crate::store::{padded_bytes, Layout, Piece, Subgroup};
use crate::topk::{encode, EncodeError, ValueFormat};

/// How gradients are compressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopK {
    /// How many elements of each subgroup are sent.
    pub amount: Amount,
    /// How values are stored.
    pub format: ValueFormat,
}

/// Error feedback.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    /// What was not sent before; nothing, if there is none.
    pub before: Option<&'a dyn Source>,
    /// What it is multiplied by first.
    pub scale: f32,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Kept elements.
    pub kept: u64,
    /// Bytes of all streams.
    pub bytes: u64,
    /// Whether one of the values is infinite as it is stored. What was not sent is no residual then: the one before stays valid.
    pub infinite: bool,
}

/// Why gradients were not compressed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// They were not read.
    #[error(transparent)]
    Gradients(#[from] GradientError),
    /// They are dense, but not in binary32, or are compressed already.
    #[error("the gradients are {0}, but the compressor takes F32; convert them, or send them as they are")]
    Form(&'static str),
    /// The compressor does not take them.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// A stream cannot be made.
    #[error("subgroup {subgroup}: {source}")]
    Encode {
        /// Which one.
        subgroup: usize,
        /// Why.
        source: EncodeError,
    },
}

impl TopK {
    /// The most bytes that [`compress`] takes for a subgroup of this many elements.
    ///
    /// # Errors
    ///
    /// When the amount does not fit the subgroup.
    pub fn memory(self, elements: u64, feedback: bool) -> Result<u64, CompressError> {
        // An index and a value of each kept element in the compressor's lists, again as they are handed on, and in the stream.
        let kept = 32 * self.amount.of(elements)?;
        Ok(if feedback { 2 } else { 1 } * padded_bytes(elements) + kept)
    }
}

/// Compresses the gradients of every subgroup in turn. `take` gets its stream and, with error feedback, what was not sent of it.
///
/// # Errors
///
/// [`SendError`], and what `take` says.
pub fn compress<E: From<SendError>>(
    layout: &Layout,
    top_k: TopK,
    grads: &dyn Source,
    feedback: Option<Feedback<'_>>,
    mut take: impl FnMut(&Subgroup, Vec<u8>, &[f32]) -> Result<(), E>,
) -> Result<Sent, E> {
    let TopK { amount, format } = top_k;
    // Before anything is done: the last subgroup may be the only one that is too short.
    for subgroup in layout.subgroups() {
        amount.of(subgroup.elements).map_err(SendError::from)?;
    }
    let sources: Vec<&dyn Source> = feedback.and_then(|feedback| feedback.before).into_iter().chain([grads]).collect();
    let compressor = Compressor::default();
    let mut runs = Run::of(layout)?;
    let mut residuals = feedback.map(|_| Run::of(layout)).transpose()?;
    let mut sent = Sent::default();
    for subgroup in layout.subgroups() {
        let run = runs.read(grads, subgroup)?;
        let kept = match (feedback, &mut residuals) {
            (Some(Feedback { before, scale }), Some(residuals)) => {
                let residual = match before {
                    // Nothing was read into it.
                    None => residuals.floats(subgroup),
                    Some(before) => residuals.read(before, subgroup)?,
                };
                scaled(residual, scale);
                compressor.with_feedback(run, residual, amount, format).map(|feedback| feedback.kept)
            }
            _ => compressor.select(run, amount),
        };
        let kept = match kept {
            Ok(kept) => kept,
            Err(CompressError::NaN { index }) => {
                // Not of what is damaged: that is found when all of it has been read.
                for later in &layout.subgroups()[subgroup.number + 1..] {
                    for source in &sources {
                        runs.read(*source, later)?;
                    }
                }
                verify(&sources)?;
                return Err(SendError::from(CompressError::NaN { index: index + subgroup.begin }).into());
            }
            Err(error) => return Err(SendError::from(error).into()),
        };
        sent.infinite |= kept.values.iter().any(|&value| !format.round(value).is_finite());
        sent.kept += kept.len() as u64;
        let stream = encode(subgroup.elements, format, &kept);
        let stream = stream.map_err(|source| SendError::Encode { subgroup: subgroup.number, source })?;
        sent.bytes += stream.len() as u64;
        take(subgroup, stream, run)?;
    }
    verify(&sources)?;
    Ok(sent)
}

fn verify(sources: &[&dyn Source]) -> Result<(), SendError> {
    sources.iter().try_for_each(|source| Ok(source.verify()?))
}

/// Multiplies a residual, unless it has the scale of the gradients already.
pub(crate) fn scaled(residual: &mut [f32], scale: f32) {
    if scale != 1.0 {
        residual.iter_mut().for_each(|value| *value *= scale);
    }
}

/// Memory for a subgroup, which the next one uses again: new memory costs more than compressing what is read into it.
struct Run(Aligned);

impl Run {
    /// For each subgroup of a layout in turn; zeros.
    fn of(layout: &Layout) -> Result<Run, SendError> {
        let largest = layout.subgroups().iter().map(|subgroup| subgroup.elements).max().unwrap_or(0);
        let bytes = padded_bytes(largest) as usize;
        Ok(Run(Aligned::new(bytes).map_err(|source| GradientError::NoMemory { bytes, source })?))
    }

    /// A subgroup of a source, which has to be dense and binary32.
    fn read(&mut self, source: &dyn Source, subgroup: &Subgroup) -> Result<&mut [f32], SendError> {
        match source.form() {
            Form::Fp32 => {}
            Form::Fp16 => return Err(SendError::Form("F16")),
            Form::Bf16 => return Err(SendError::Form("BF16")),
            Form::TopK => return Err(SendError::Form("compressed already")),
        }
        let all = Piece { subgroup: *subgroup, first: 0, elements: subgroup.elements };
        source.read(&all, self.0.bytes_mut())?;
        Ok(self.floats(subgroup))
    }

    fn floats(&mut self, subgroup: &Subgroup) -> &mut [f32] {
        &mut self.0.floats_mut()[..subgroup.elements as usize]
    }
}
