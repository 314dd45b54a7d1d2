//! `nearfield compress`: the largest elements of a gradient, as Top-K streams.

use super::console::Console;
use super::failure::Failure;
use super::output::refuse_unwritable;
use super::place::Place;
use anyhow::{anyhow, Context};
use clap::{ArgGroup, Args};
use nearfield::compress::{Amount, CompressError, Compressor};
use nearfield::safetensors::{self, ElementType, RunWriter, Shards};
use nearfield::source::{stream_name, Dense};
use nearfield::store::Store;
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
Each of the store's subgroups (`nearfield init --subgroup`) keeps its own largest elements, by magnitude, ties by lowest index. The file is a safetensors file with a U8 tensor a subgroup; docs/formats.md has the format.\n\n\
With --residual what is not sent is kept in a file of F32 tensors, and added the next time. If a value that is sent is \
infinite, the residual stays as it was, for a step with it is one to skip."
)]
pub struct Compress {
    #[command(flatten)]
    store: Place,
    /// The gradients: a safetensors file, or a folder of them, with a tensor for every parameter, of its name and shape.
    #[arg(long, value_name = "PATH")]
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
    elements: u64,
    kept: usize,
    bytes: usize,
    residual: Option<PathBuf>,
    /// Whether all that is sent is finite; if not, the residual was left as it was.
    finite: bool,
}

/// What became of the subgroups.
#[derive(Default)]
struct Compressed {
    streams: Vec<(String, Vec<u8>)>,
    kept: usize,
    infinite: bool,
}

/// The residual: the one before, if there is one, and the file of the next.
struct Residual {
    before: Option<Dense>,
    next: RunWriter,
}

impl Compress {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let amount = self.amount();
        self.refuse_places().map_err(Failure::refused)?;
        let store = self.store.open()?;
        let tensors = &store.manifest().tensors;
        let open = |path: &Path| -> Result<Dense, Failure> {
            let dense = Dense::open(Shards::open(path)?, tensors)?;
            dense.refuse_other_than_f32()?;
            Ok(dense)
        };
        let grads = open(&self.grads)?;
        let write = |path: &Path| format!("cannot write {}; make room or name another place", path.display());
        let residual = match &self.residual {
            None => None,
            Some(path) => {
                let before = if path.exists() { Some(open(path)?) } else { None };
                let next = RunWriter::create(path, ElementType::F32, tensors)
                    .with_context(|| write(path))
                    .map_err(Failure::failed)?;
                Some(Residual { before, next })
            }
        };
        let bar = console.progress("elements", store.elements());
        let done = self.compress(amount, &store, &grads, residual.as_ref(), &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let done = done?;
        // Streams first: if that fails, the residual is still that of the gradients before.
        let named = done.streams.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())).collect();
        safetensors::write_bytes(&self.output, &named, &BTreeMap::new())
            .with_context(|| write(&self.output))
            .map_err(Failure::failed)?;
        if done.infinite {
            tracing::warn!("a value that is sent is not finite; skip this step, or choose bf16 or fp32");
        } else if let Some(residual) = residual {
            let finished = residual.next.finish();
            finished
                .with_context(|| format!("{} is written, but its residual is not; remove it", self.output.display()))
                .map_err(Failure::failed)?;
        }
        let printed = Printed {
            output: self.output,
            format: self.format,
            subgroups: done.streams.len(),
            elements: store.elements(),
            kept: done.kept,
            bytes: done.streams.iter().map(|(_, stream)| stream.len()).sum(),
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

    /// Compresses the subgroups, one at a time, and writes the next residual.
    fn compress(
        &self,
        amount: Amount,
        store: &Store,
        grads: &Dense,
        residual: Option<&Residual>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Compressed, Failure> {
        let compressor = Compressor::default();
        let subgroups = store.layout().subgroups();
        // Before anything is done: the last subgroup may be the only one that is too short.
        for subgroup in subgroups {
            amount.of(subgroup.elements).map_err(Failure::refused)?;
        }
        let mut done = Compressed::default();
        for subgroup in subgroups {
            let read = |dense: &Dense| -> Result<Vec<f32>, Failure> {
                let mut run = vec![0.0; subgroup.elements as usize];
                dense.read_range(subgroup.range(), bytemuck::cast_slice_mut(&mut run))?;
                Ok(run)
            };
            let mut here = read(grads)?;
            let kept = match residual {
                None => compressor.select(&here, amount),
                Some(residual) => {
                    let before = residual.before.as_ref().map_or_else(|| Ok(vec![0.0; here.len()]), read)?;
                    let feedback = compressor.with_feedback(&mut here, &before, amount, self.format);
                    feedback.map(|feedback| feedback.kept)
                }
            };
            let kept = kept.map_err(|error| match error {
                CompressError::NaN { index } => CompressError::NaN { index: index + subgroup.begin },
                other => other,
            });
            let kept = kept.map_err(Failure::refused)?;
            done.infinite |= kept.values.iter().any(|&value| !self.format.round(value).is_finite());
            done.kept += kept.len();
            let number = subgroup.number;
            let stream = encode(subgroup.elements, self.format, &kept).with_context(|| format!("subgroup {number}"));
            done.streams.push((stream_name(number), stream.map_err(Failure::refused)?));
            if let Some(residual) = residual {
                let written = residual.next.write(subgroup.begin, bytemuck::cast_slice(&here));
                written.context("cannot write the residual; make room").map_err(Failure::failed)?;
            }
            progress(subgroup.range().end);
        }
        Ok(done)
    }
}
