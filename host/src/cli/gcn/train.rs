//! `nearfield gcn train`: a two-layer network, its optimizer steps on a device.

use super::super::console::Console;
use super::super::failure::Failure;
use super::super::optimizer::{self, OptimizerFlags};
use super::super::output::refuse_unwritable;
use anyhow::Context;
use clap::builder::RangedU64ValueParser;
use clap::Args;
use nearfield::compress::Amount;
use nearfield::device::DeviceSpec;
use nearfield::gcn::{self, Dataset, Epoch, Options, Run, RunReport, Shape, TopK};
use nearfield::topk::ValueFormat;
use serde::Serialize;
use std::path::PathBuf;

/// Train a two-layer network to classify a graph's vertices, every optimizer step on a device.
///
/// Training uses 20 vertices of each class; 500 others decide which epoch's weights are kept; 1,000 more are classified at
/// the end. The vertices are drawn from the seed. Forward and backward run on this machine.
#[derive(Args)]
#[command(after_help = format!("{}\n\nExamples:\n  \
nearfield gcn train --dataset cora --device sim:smartssd --check -o model.safetensors\n  \
nearfield gcn train --dataset cora --optimizer adam --splits 10 --json\n  \
nearfield gcn train --dataset cora --optimizer adam --lr 0.2 --top-k 0.01 --error-feedback\n\n\
The file of -o holds the weights of the split with the highest validation accuracy.",
optimizer::table(Options::hyper)))]
pub struct Train {
    /// The graph; every graph this program has is part of it: cora.
    #[arg(long, value_name = "NAME")]
    dataset: String,
    #[arg(long, default_value = "soft", help = super::super::DEVICE, long_help = super::super::DEVICE_LONG)]
    device: DeviceSpec,
    /// Optimizer steps of a split; each sees all training vertices.
    #[arg(long, value_name = "N", default_value_t = Options::default().epochs, value_parser = at_least_one())]
    epochs: u32,
    /// Train on this many splits, one after the other, and report mean and deviation.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    splits: u32,
    /// Decides splits, initial weights and dropout.
    #[arg(long, value_name = "S", default_value_t = Options::default().seed)]
    seed: u64,
    #[command(flatten)]
    optimizer: OptimizerFlags,
    /// Step with this part of each gradient only, its largest elements, above 0 and at most 1; all others are 0. A small part
    /// takes other learning rates and decays: docs/gcn.md has them.
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    top_k: Option<f64>,
    /// Add what --top-k left out to the next gradient.
    #[arg(long, requires = "top_k")]
    error_feedback: bool,
    /// How the values of --top-k are stored: fp32, fp16 or bf16.
    #[arg(long, default_value = "fp32", requires = "top_k")]
    format: ValueFormat,
    /// Repeat every step on soft and stop at the first bit that differs; with --device soft, repeat it by the
    /// specification.
    #[arg(long)]
    check: bool,
    /// Write the trained weights to this safetensors file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// One to a hundred thousand: a number of splits or epochs that a run can end with.
fn at_least_one() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..=100_000)
}

/// What training prints with `--json`.
#[derive(Serialize)]
struct Printed {
    device: String,
    optimizer_name: &'static str,
    output: Option<PathBuf>,
    #[serde(flatten)]
    report: RunReport,
}

impl Train {
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let dataset = Dataset::load(&self.dataset).map_err(Failure::refused)?;
        let hyper = self.optimizer.hyper(Options::hyper)?;
        let top_k = self.top_k();
        let options = Options { epochs: self.epochs, seed: self.seed, hyper, top_k, ..Options::default() };
        if let Some(top_k) = top_k {
            // Before a device is opened, which may build a kernel first.
            top_k.amount.of(Shape::of(&dataset, options.hidden).parameters() as u64).map_err(Failure::refused)?;
        }
        if let Some(output) = &self.output {
            refuse_unwritable(output).map_err(Failure::refused)?;
        }
        let mut device = console.open(&self.device)?;

        let several = self.splits > 1;
        let mut ended = |split: u32, epoch: &Epoch| {
            let split = if several { format!("split {split}, ") } else { String::new() };
            let Epoch { number, loss, validation } = epoch;
            let accuracy = percent(validation.accuracy());
            console.say(&format!("{split}epoch {number:>3}: loss {loss:.4}, validation accuracy {accuracy}"));
        };
        let run = gcn::run(device.as_mut(), &dataset, &options, self.splits, self.check, &mut ended)?;
        if let Some(output) = &self.output {
            gcn::save(output, &run)
                .with_context(|| format!("cannot write {}; make room or name another place", output.display()))
                .map_err(Failure::failed)?;
        }
        let Run { report, best_split, .. } = run;
        let optimizer_name = hyper.optimizer().name();
        let printed = Printed { device: self.device.to_string(), optimizer_name, output: self.output, report };
        console.result(&printed, || text(&printed, best_split))
    }

    fn top_k(&self) -> Option<TopK> {
        let Train { error_feedback, format, .. } = *self;
        self.top_k.map(|ratio| TopK { amount: Amount::Ratio(ratio), error_feedback, format })
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

fn text(printed: &Printed, best_split: usize) -> String {
    let Printed { device, optimizer_name, output, report } = printed;
    let mut lines: Vec<String> = Vec::new();
    for split in &report.splits {
        lines.push(format!(
            "{}, split {} of seed {}: test accuracy {}, validation accuracy {} with the weights of epoch {}",
            report.dataset,
            split.split,
            report.seed,
            percent(split.test_accuracy),
            percent(split.validation_accuracy),
            split.best_epoch
        ));
    }
    if let Some(deviation) = report.test_accuracy_deviation {
        let (mean, splits) = (report.test_accuracy, report.splits.len());
        lines.push(format!("mean of {splits} splits: test accuracy {} ± {}", percent(mean), percent(deviation)));
    }
    let optimizer = &report.optimizer;
    lines.push(format!(
        "{} {optimizer_name} steps of {} parameters on {device}: {:.1} s of {:.1} s",
        report.steps, report.parameters, optimizer.seconds, report.seconds
    ));
    if let Some(sent) = &report.compression {
        let feedback = if sent.error_feedback { "with" } else { "without" };
        lines.push(format!(
            "gradients compressed {feedback} error feedback: {} of {} elements a step, {}, {} bytes instead of {}",
            sent.kept_per_step, report.parameters, sent.format, sent.bytes_per_step, sent.dense_bytes_per_step
        ));
    }
    if let (Some(cycles), Some(rate), Some(lanes)) =
        (optimizer.cycles, optimizer.elements_per_lane_cycle, optimizer.lanes)
    {
        lines.push(format!("{cycles} kernel cycles, {rate:.4} elements per lane and cycle, {lanes} lanes"));
    }
    if let Some(check) = &report.check {
        let (identical, reference) = (check.identical_steps, check.reference);
        lines.push(format!("check: {identical} of {} steps identical to {reference}, bit for bit", report.steps));
    }
    if let Some(output) = output {
        lines.push(format!("weights of split {best_split} in {}", output.display()));
    }
    lines.join("\n")
}
