//! `nearfield compress`: the largest elements of a gradient, as Top-K streams.

use super::console::Console;
use super::failure::Failure;
use super::output::refuse_unwritable;
use super::place::Place;
use anyhow::{anyhow, Context};
use clap::{ArgGroup, Args};
use nearfield::compress::Amount;
use nearfield::safetensors::{self, ElementType, RunWriter, Shards};
use nearfield::source::{self, stream_name, Dense, Feedback, Sent, Source, TopK};
use nearfield::store::Layout;
use nearfield::topk::ValueFormat;
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
infinite, the residual stays as it was, for a step with it is one to skip.\n\n\
`nearfield step --top-k` compresses and steps at once; with --error-feedback the store keeps what is not sent."
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
    kept: u64,
    bytes: u64,
    residual: Option<PathBuf>,
    /// Whether all that is sent is finite; if not, the residual was left as it was.
    finite: bool,
}

/// The streams with their names.
type Streams = Vec<(String, Vec<u8>)>;

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
        let layout = store.layout();
        let done = self.compress(amount, layout, &grads, residual.as_ref(), &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        let (streams, sent) = done?;
        // Streams first: if that fails, the residual is still that of the gradients before.
        let named = streams.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())).collect();
        safetensors::write_bytes(&self.output, &named, &BTreeMap::new())
            .with_context(|| write(&self.output))
            .map_err(Failure::failed)?;
        if sent.infinite {
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
            subgroups: streams.len(),
            elements: store.elements(),
            kept: sent.kept,
            bytes: sent.bytes,
            residual: self.residual,
            finite: !sent.infinite,
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
        layout: &Layout,
        grads: &Dense,
        residual: Option<&Residual>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Streams, Sent), Failure> {
        let top_k = TopK { amount, format: self.format };
        let before = residual.map(|residual| residual.before.as_ref().map(|before| before as &dyn Source));
        let feedback = before.map(|before| Feedback { before, scale: 1.0 });
        let mut streams = Vec::new();
        let sent =
            source::compress(layout, top_k, grads, feedback, |subgroup, stream, unsent| -> Result<(), Failure> {
                streams.push((stream_name(subgroup.number), stream));
                if let Some(residual) = residual {
                    let written = residual.next.write(subgroup.begin, bytemuck::cast_slice(unsent));
                    written.context("cannot write the residual; make room").map_err(Failure::failed)?;
                }
                progress(subgroup.range().end);
                Ok(())
            })?;
        Ok((streams, sent))
    }
}
