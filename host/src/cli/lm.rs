//! `nearfield lm`: language models.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::{self, OptimizerFlags};
use super::output::refuse_unwritable;
use super::place::{Bytes, Devices};
use super::scaling::max_norm;
use anyhow::{anyhow, Context};
use clap::{Args, Subcommand};
use nearfield::handler::DEFAULT_MEMORY;
use nearfield::lm::{self, Event, InMemory, InStore, Optimize, Options, Plan, Shape, Text, Trained, Watch};
use serde::Serialize;
use std::path::PathBuf;
use std::thread::available_parallelism;

/// Train language models, with the optimizer on a device.
#[derive(Args)]
#[command(after_help = "Example:\n  nearfield lm train -o model.safetensors")]
pub struct Lm {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(Train),
}

impl Lm {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        match self.command {
            Command::Train(command) => command.run(console),
        }
    }
}

/// Train a GPT to predict the bytes of a text, every optimizer step on a device.
///
/// The last tenth of the text, at most 128 KiB, is held out. At the end it is scored by the model and by a trigram of the
/// same training text, in bits a byte. Forward and backward run on this machine; their result does not depend on the
/// number of threads.
#[derive(Args)]
#[command(after_help = format!("{}\n\nExamples:\n  \
nearfield lm train -o model.safetensors\n  \
nearfield lm train --store /ssd0/lm,/ssd1/lm -o model.safetensors\n  \
nearfield lm train --text book.txt --text more.txt --steps 3000\n  \
nearfield lm train --layers 2 --width 128 --heads 4 --context 64 --batch 16 --steps 500",
optimizer::table(|name| Options::default_hyper(name))))]
struct Train {
    /// A file of text; several follow each other [default: the New Testament, which is part of this program]
    #[arg(long, value_name = "FILE")]
    text: Vec<PathBuf>,
    /// Keep parameters and optimizer state in this store, a folder or one a device with commas between; made if it is not there. A run
    /// that was interrupted goes on from its last step.
    #[arg(long = "store", value_name = "DIR[,DIR]", value_delimiter = ',')]
    store: Vec<PathBuf>,
    #[command(flatten)]
    devices: Devices,
    /// The most memory for a store's buffers, of all devices together.
    #[arg(long, value_name = "BYTES", default_value_t = Bytes(DEFAULT_MEMORY))]
    memory: Bytes,
    /// Blocks.
    #[arg(long, value_name = "N", default_value_t = Shape::default().layers)]
    layers: usize,
    /// Values a byte has between blocks.
    #[arg(long, value_name = "N", default_value_t = Shape::default().width)]
    width: usize,
    /// Heads of each attention; they share the width.
    #[arg(long, value_name = "N", default_value_t = Shape::default().heads)]
    heads: usize,
    /// Bytes that a prediction looks back on.
    #[arg(long, value_name = "N", default_value_t = Shape::default().context)]
    context: usize,
    /// Pieces of the text, each as long as the context, that a step learns from.
    #[arg(long, value_name = "N", default_value_t = Options::default().batch)]
    batch: usize,
    /// Optimizer steps; the learning rate falls towards the last of them.
    #[arg(long, value_name = "N", default_value_t = Options::default().steps)]
    steps: u64,
    /// Decides initial weights and which pieces of the text a step learns from.
    #[arg(long, value_name = "S", default_value_t = Options::default().seed)]
    seed: u64,
    #[command(flatten)]
    optimizer: OptimizerFlags,
    /// Scale gradients with a larger norm down to it.
    #[arg(long, value_name = "X", default_value_t = Options::default().clip_norm, value_parser = max_norm, allow_hyphen_values = true)]
    clip_norm: f32,
    /// Say how well a part of the held-out text is predicted every N steps; 0 for never.
    #[arg(long, value_name = "N", default_value_t = 100)]
    every: u64,
    /// Threads for forward and backward [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write the trained weights to this safetensors file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What training prints with `--json`.
#[derive(Serialize)]
struct Printed {
    device: String,
    text: String,
    optimizer_name: &'static str,
    seed: u64,
    output: Option<PathBuf>,
    #[serde(flatten)]
    trained: Trained,
}

impl Train {
    fn run(self, console: &Console) -> Result<(), Failure> {
        let text = match &self.text[..] {
            [] => Text::embedded(),
            files => Text::read(files).map_err(Failure::refused)?,
        };
        let options = self.options()?;
        let plan = Plan::new(options, &text).map_err(Failure::refused)?;
        if let Some(output) = &self.output {
            refuse_unwritable(output).map_err(Failure::refused)?;
        }
        let devices = self.devices.open(console)?;
        let mut optimizer: Box<dyn Optimize> = match &self.store[..] {
            [] => {
                let [device] = &devices[..] else {
                    return Err(Failure::refused(anyhow!("several devices take a --store with a folder each")));
                };
                Box::new(InMemory::new(device.clone(), options.hyper, plan.initial_parameters(), plan.record(0)))
            }
            folders => {
                self.devices.refuse_number(folders)?;
                Box::new(InStore::open(folders, &plan, devices, self.memory.0)?)
            }
        };
        let optimizer = optimizer.as_mut();
        let trained = self.train(console, &plan, optimizer)?;
        if let Some(output) = &self.output {
            lm::save(output, &plan, optimizer, &trained)
                .with_context(|| format!("cannot write {}; make room or name another place", output.display()))
                .map_err(Failure::failed)?;
        }
        let printed = Printed {
            device: self.devices.names(),
            text: text.name().into(),
            optimizer_name: options.hyper.optimizer().name(),
            seed: options.seed,
            output: self.output,
            trained,
        };
        console.result(&printed, || describe(&printed))
    }

    fn options(&self) -> Result<Options, Failure> {
        let &Train { layers, width, heads, context, batch, steps, seed, clip_norm, .. } = self;
        let hyper = self.optimizer.hyper(Options::default_hyper)?;
        Ok(Options { shape: Shape { layers, width, heads, context }, batch, steps, seed, hyper, clip_norm })
    }

    /// Does the steps behind a progress bar.
    fn train(&self, console: &Console, plan: &Plan<'_>, optimizer: &mut dyn Optimize) -> Result<Trained, Failure> {
        let cores = || available_parallelism().map_or(1, usize::from);
        let watch = Watch { threads: self.threads.map_or_else(cores, usize::from), every: self.every };
        let bar = console.progress("training", self.steps);
        bar.set_position(optimizer.steps());
        // The average of about the last 50 steps: a single batch says little.
        let mut recent: Option<f64> = None;
        let trained = lm::train(plan, optimizer, watch, &mut |event| match event {
            Event::Step { step, bits_per_byte } => {
                let average = recent.map_or(bits_per_byte, |recent| 0.98 * recent + 0.02 * bits_per_byte);
                recent = Some(average);
                bar.set_position(step);
                bar.set_message(format!("training, {average:.3} bits a byte"));
            }
            Event::Sampled(sample) => bar.suspend(|| {
                let (step, steps, bits) = (sample.step, self.steps, sample.bits_per_byte);
                console.say(&format!("step {step} of {steps}: {bits:.3} bits a byte of a part of the held-out text"));
            }),
        });
        bar.finish_and_clear();
        Ok(trained?)
    }
}

fn describe(printed: &Printed) -> String {
    let Printed { device, text, optimizer_name, seed, output, trained } = printed;
    let Trained { parameters, steps, held_out_bytes, bits_per_byte, trigram_bits_per_byte, .. } = trained;
    let mut lines = vec![
        format!("{text}, seed {seed}: {held_out_bytes} held-out bytes"),
        format!("GPT of {parameters} parameters after {steps} steps: {bits_per_byte:.4} bits a byte"),
        format!("trigram of the same training text: {trigram_bits_per_byte:.4} bits a byte"),
    ];
    let here = steps - trained.resumed_at;
    let (stepping, all) = (trained.optimizer.seconds, trained.seconds);
    lines.push(format!("{here} {optimizer_name} steps on {device}: {stepping:.1} s of {all:.1} s"));
    if let Some(rate) = trained.training_bytes_per_second {
        lines.push(format!("{rate:.0} bytes a second in training"));
    }
    if let Some(output) = output {
        lines.push(format!("weights in {}", output.display()));
    }
    lines.join("\n")
}
