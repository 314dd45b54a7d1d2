//! Gradients that the step itself compresses: `--top-k`.

use super::super::console::Console;
use super::super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield::compress::{Amount, CompressError};
use nearfield::disk::UNFINISHED;
use nearfield::handler::{self, HandlerError};
use nearfield::source::{self, Feedback, Form, GradientError, Kept, SendError, Sent, Source, Spool, TopK};
use nearfield::store::Store;
use nearfield::topk::ValueFormat;
use serde::Serialize;
use std::sync::Arc;

/// Whether and how gradients are compressed.
#[derive(Args)]
pub struct Compression {
    /// Send this part of each subgroup's gradients only, above 0 and at most 1: the largest, as `nearfield compress --ratio` keeps
    /// them. The others count as 0.
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    top_k: Option<f64>,
    /// Keep what --top-k does not send in the store, and add it to the next gradients that are compressed with this flag.
    #[arg(long, requires = "top_k")]
    error_feedback: bool,
    /// How the values of --top-k are stored: fp32, fp16 or bf16.
    #[arg(long, default_value = "fp32", requires = "top_k")]
    format: ValueFormat,
}

/// What is printed of it.
#[derive(Clone, Copy, Serialize)]
pub struct Compressed {
    /// How values are stored.
    format: ValueFormat,
    /// Elements sent.
    kept: u64,
    /// Bytes of the streams.
    bytes: u64,
    /// Whether what was not sent before was added.
    error_feedback: bool,
    /// Whether all that is sent is finite; if not, what was not sent before stays as it was.
    pub finite: bool,
}

/// Compressed gradients, and what is printed of them.
pub struct Streams {
    pub source: Arc<dyn Source>,
    pub compressed: Compressed,
}

impl Compressed {
    /// In words.
    pub fn text(&self, elements: u64) -> String {
        let Compressed { format, kept, bytes, .. } = self;
        let rest = match (self.error_feedback, self.finite) {
            (false, _) => "",
            (true, true) => "; the rest is kept for the next step",
            (true, false) => "; not all of them finite, so what was kept stays as it was",
        };
        format!("{kept} of {elements} gradients sent, {format}, {bytes} bytes{rest}")
    }
}

impl Compression {
    /// What is asked for, if it makes sense.
    pub fn checked(&self) -> Result<Option<TopK>, Failure> {
        let Some(ratio) = self.top_k else { return Ok(None) };
        let amount = Amount::Ratio(ratio);
        amount.of(1).map_err(|error| Failure::refused(anyhow!("--top-k: {error}")))?;
        Ok(Some(TopK { amount, format: self.format }))
    }

    /// Whether what is not sent is kept.
    pub fn error_feedback(&self) -> bool {
        self.error_feedback
    }
}

/// Refuses gradients that the compressor does not take, and too little memory for it.
pub fn refuse(
    top_k: TopK,
    source: &dyn Source,
    store: &Store,
    error_feedback: bool,
    memory: u64,
) -> Result<(), Failure> {
    let wrong = |what: &str| Err(Failure::refused(anyhow!("{what}")));
    match source.form() {
        Form::Fp32 => {}
        Form::TopK => {
            return wrong("the gradients are compressed already; leave out --top-k, or name those they were made of")
        }
        Form::Fp16 => return wrong("the gradients are F16, but --top-k takes F32; convert them, or leave it out"),
        Form::Bf16 => return wrong("the gradients are BF16, but --top-k takes F32; convert them, or leave it out"),
    }
    let largest = store.layout().subgroups().iter().map(|subgroup| subgroup.elements).max();
    let needed = largest.map_or(Ok(0), |elements| top_k.memory(elements, error_feedback)).map_err(Failure::refused)?;
    match needed > memory {
        true => Err(HandlerError::Memory { needed, given: memory }.into()),
        false => Ok(()),
    }
}

/// Compresses gradients. The streams lie in a file without a name in the store's first folder, so that no model is too large for the
/// memory; it is gone with the process. `feedback` is the scale of the gradients where there is error feedback. `None` if a gradient is
/// NaN and the step can be skipped for it.
pub fn compress(
    console: &Console,
    store: &Store,
    top_k: TopK,
    source: &dyn Source,
    feedback: Option<f32>,
    skips: bool,
) -> Result<Option<Streams>, Failure> {
    let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&store.folders()[0]);
    let mut spool = Spool::new(file.map_err(GradientError::Spool)?.into_file());
    let before = if feedback.is_some() { Kept::residual(store)? } else { None };
    let before = before.as_ref().map(|before| before as &dyn Source);
    let error_feedback = feedback.is_some();
    let feedback = feedback.map(|scale| Feedback { before, scale: handler::Feedback::factor(store, scale) });
    if feedback.is_some_and(|feedback| !feedback.scale.is_normal()) {
        let what =
            "the loss scale is too far from that of what was not sent before; choose a loss scale between them first";
        return Err(Failure::refused(anyhow!(what)));
    }
    let bar = console.progress("gradients", store.elements());
    let sent = source::compress(store.layout(), top_k, source, feedback, |subgroup, stream, _| {
        spool.add(&stream)?;
        bar.set_position(subgroup.range().end);
        Ok::<(), SendError>(())
    });
    bar.finish_and_clear();
    match sent {
        Err(SendError::Compress(CompressError::NaN { .. })) if skips => Ok(None),
        sent => {
            let Sent { kept, bytes, infinite } = sent?;
            let compressed = Compressed { format: top_k.format, kept, bytes, error_feedback, finite: !infinite };
            Ok(Some(Streams { source: Arc::new(spool.finish()), compressed }))
        }
    }
}
