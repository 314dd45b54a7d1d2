//! `nearfield compress`: the largest elements of a gradient, as Top-K streams.

use super::console::Console;
use super::failure::Failure;
use super::output::refuse_unwritable;
use anyhow::{anyhow, Context};
use clap::{ArgGroup, Args};
use nearfield::compress::{Amount, CompressError, Compressor};
use nearfield::safetensors::{self, flatten, SafetensorsFile};
use nearfield::store::{by_tensor, Store, TensorEntry};
use nearfield::topk::file::{self, subgroups};
use nearfield::topk::{encode, ValueFormat};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Keep the largest elements of a gradient, for `nearfield step --grads`.
#[derive(Args)]
#[command(
    group(ArgGroup::new("amount").required(true)),
    after_help = "Example:\n  nearfield compress --store state --grads grads.safetensors --ratio 0.01 --format fp16 \
--residual residual.safetensors -o grads.topk\n  nearfield step --store state --grads grads.topk\n\n\
The parameters lie end to end and are cut into subgroups of 16 Mi elements; each keeps its own largest elements, by \
magnitude, ties by lowest index. The file is a safetensors file with a U8 tensor a subgroup; docs/formats.md has the format.\n\n\
With --residual what is not sent is kept in a file of F32 tensors, and added the next time. If a value that is sent is \
infinite, the residual stays as it was, for a step with it is one to skip."
)]
pub struct Compress {
    /// The store whose gradients they are; it is not changed.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The gradients: a safetensors file with a tensor for every parameter, of its name and shape.
    #[arg(long, value_name = "FILE")]
    grads: PathBuf,
    /// The part of each subgroup to keep, above 0 and at most 1.
    #[arg(long, value_name = "K", group = "amount", allow_hyphen_values = true)]
    ratio: Option<f64>,
    /// How many elements of each subgroup to keep.
    #[arg(long, value_name = "N", group = "amount")]
    count: Option<u64>,
    /// How values are stored: fp32, fp16 or bf16.
    #[arg(long, default_value = "fp32")]
    format: ValueFormat,
    /// Error feedback: the file of what was not sent, made if it is not there.
    #[arg(long, value_name = "FILE")]
    residual: Option<PathBuf>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed {
    output: PathBuf,
    format: ValueFormat,
    subgroups: usize,
    elements: usize,
    kept: usize,
    bytes: usize,
    residual: Option<PathBuf>,
    /// Whether all that is sent is finite; if not, the residual was left as it was.
    finite: bool,
}

/// What became of the subgroups.
#[derive(Default)]
struct Compressed {
    streams: Vec<Vec<u8>>,
    kept: usize,
    infinite: bool,
}

impl Compress {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let amount = self.amount();
        self.refuse_places().map_err(Failure::refused)?;
        let store = Store::open(&self.store)?;
        let tensors = &store.manifest().tensors;
        let mut grads = flatten(&mut SafetensorsFile::open(&self.grads)?, tensors)?;
        let before = match &self.residual {
            Some(path) if path.exists() => Some(flatten(&mut SafetensorsFile::open(path)?, tensors)?),
            Some(_) => Some(vec![0.0; grads.len()]),
            None => None,
        };
        let bar = console.progress("elements", grads.len() as u64);
        let done = self.compress(amount, &mut grads, before.as_deref(), &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let done = done.map_err(Failure::refused)?;
        // Streams first: if that fails, the residual is still that of the gradients before.
        let write = |path: &Path| format!("cannot write {}; make room or name another place", path.display());
        file::write(&self.output, &done.streams).with_context(|| write(&self.output)).map_err(Failure::failed)?;
        if done.infinite {
            tracing::warn!("a value that is sent is not finite; skip this step, or choose bf16 or fp32");
        }
        if let Some(path) = self.residual.as_ref().filter(|_| !done.infinite) {
            write_residual(path, tensors, &grads)
                .with_context(|| format!("{} is written, but its residual is not; remove it", self.output.display()))
                .map_err(Failure::failed)?;
        }
        let printed = Printed {
            output: self.output,
            format: self.format,
            subgroups: done.streams.len(),
            elements: grads.len(),
            kept: done.kept,
            bytes: done.streams.iter().map(Vec::len).sum(),
            residual: self.residual,
            finite: !done.infinite,
        };
        console.result(&printed, || {
            let Printed { output, format, subgroups, elements, kept, bytes, .. } = &printed;
            let (output, parts) = (output.display(), if *subgroups == 1 { "subgroup" } else { "subgroups" });
            format!("{output}: {kept} of {elements} elements in {subgroups} {parts}, {format}, {bytes} bytes")
        })
    }

    fn amount(&self) -> Amount {
        match (self.ratio, self.count) {
            (Some(ratio), _) => Amount::Ratio(ratio),
            // One of the two is there: the parser sees to it.
            (None, count) => Amount::Count(count.unwrap_or(0)),
        }
    }

    fn refuse_places(&self) -> anyhow::Result<()> {
        refuse_unwritable(&self.output)?;
        if let Some(residual) = &self.residual {
            refuse_unwritable(residual)?;
            let same = |other: &Path| match (residual.canonicalize(), other.canonicalize()) {
                (Ok(one), Ok(two)) => one == two,
                _ => residual == other,
            };
            if same(&self.output) || same(&self.grads) {
                return Err(anyhow!("{} cannot be the residual too; name a file of its own", residual.display()));
            }
        }
        Ok(())
    }

    /// Compresses the subgroups. With a residual, `grads` holds the next one afterwards.
    fn compress(
        &self,
        amount: Amount,
        grads: &mut [f32],
        residual: Option<&[f32]>,
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Compressed> {
        let compressor = Compressor::default();
        // Before anything is done: the last subgroup may be the only one that is too short.
        for range in subgroups(grads.len()) {
            amount.of(range.len() as u64)?;
        }
        let mut done = Compressed::default();
        for (number, range) in subgroups(grads.len()).enumerate() {
            let elements = range.len() as u64;
            let here = &mut grads[range.clone()];
            let kept = match residual {
                None => compressor.select(here, amount),
                Some(residual) => compressor
                    .with_feedback(here, &residual[range.clone()], amount, self.format)
                    .map(|feedback| feedback.kept),
            };
            let kept = kept.map_err(|error| match error {
                CompressError::NaN { index } => CompressError::NaN { index: index + range.start as u64 },
                other => other,
            })?;
            done.infinite |= kept.values.iter().any(|&value| !self.format.round(value).is_finite());
            done.kept += kept.len();
            done.streams.push(encode(elements, self.format, &kept).with_context(|| format!("subgroup {number}"))?);
            progress(range.end as u64);
        }
        Ok(done)
    }
}

fn write_residual(path: &Path, tensors: &[TensorEntry], run: &[f32]) -> std::io::Result<()> {
    let tensors = by_tensor(tensors, run);
    let named = tensors.map(|(tensor, here)| (tensor.name.clone(), (tensor.shape.as_slice(), here))).collect();
    safetensors::write(path, &named, &BTreeMap::new())
}
