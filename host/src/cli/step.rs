//! `nearfield step`: one optimizer step of a store.

mod top_k;

use super::console::Console;
use super::failure::Failure;
use super::optimizer::optimizer;
use super::output::refuse_unwritable;
use super::place::{Bytes, Devices, Place};
use super::scaling::{Applied, LossScaling};
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::gradients::HalfFormat;
use nearfield::handler::{self, Feedback, HalfSink, HandlerError, Report, Work, DEFAULT_MEMORY};
use nearfield::safetensors::RunWriter;
use nearfield::source::{self, for_each_piece, Form, Kept, Source, TopK};
use nearfield::step::check;
use nearfield::store::{Next, Store};
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::optimizer::{Coefficients, Optimizer};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use top_k::{Compressed, Compression, Streams};

/// Do one optimizer step of a store, on a device or on several.
#[derive(Args)]
#[command(
    after_help = "Example:\n  nearfield step --store state --grads grads.safetensors --device sim:ideal,lanes=4 --json\n  \
nearfield step --store /ssd0/state,/ssd1/state --grads grads --device xrt:0 --device xrt:1\n  \
nearfield step --store state --grads grads.safetensors --top-k 0.01 --error-feedback\n  \
nearfield step --store state --grads scaled.safetensors --loss-scale dynamic --clip-norm 1 --half bf16 --half-output gpu.safetensors"
)]
pub struct Step {
    #[command(flatten)]
    store: Place,
    /// The gradients: a safetensors file, or a folder of them, with a tensor for every parameter, of its name and shape, all F32, all
    /// F16 or all BF16; or what `nearfield compress` made of one. Without --top-k a device gets them as they are.
    #[arg(long, value_name = "PATH", required_unless_present = "accumulated")]
    grads: Option<PathBuf>,
    /// Take the gradients that `nearfield accumulate` added up in the store. They are gone after the step.
    #[arg(long, conflicts_with = "grads")]
    accumulated: bool,
    #[command(flatten)]
    compression: Compression,
    #[command(flatten)]
    devices: Devices,
    /// Refuse the store unless it was made for this optimizer.
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    optimizer: Option<Optimizer>,
    /// Begin at this step: the store's, or the one before it while that is whole; what was done after it is forgotten.
    #[arg(long, value_name = "T")]
    from_step: Option<u64>,
    /// Learning rate of this step only; without it the store's.
    #[arg(long, allow_hyphen_values = true)]
    lr: Option<f64>,
    /// What the gradients were multiplied by: a number, or `dynamic`, which the store keeps (`loss_scale` of --json is the next
    /// one). A step whose gradients are not all finite is skipped, and halves a dynamic scale.
    #[arg(long, value_name = "S|dynamic")]
    loss_scale: Option<LossScaling>,
    /// Multiply the gradients so that their norm, without the loss scale, is at most this.
    #[arg(long, value_name = "X", value_parser = super::scaling::max_norm, allow_hyphen_values = true)]
    clip_norm: Option<f32>,
    /// Write the new parameters in half precision too: fp16 or bf16. A step that is skipped writes none.
    #[arg(long, value_name = "FORMAT", requires = "half_output")]
    half: Option<HalfFormat>,
    /// Where, as safetensors.
    #[arg(long, value_name = "FILE", requires = "half")]
    half_output: Option<PathBuf>,
    /// The most memory for buffers, of all devices together: 512M, 4G.
    #[arg(long, value_name = "BYTES", default_value_t = Bytes(DEFAULT_MEMORY))]
    memory: Bytes,
}

/// What a step prints with `--json`.
#[derive(Serialize)]
struct Printed {
    store: String,
    device: String,
    optimizer: &'static str,
    step: u64,
    /// Gradients that are infinite or NaN.
    nonfinite_gradients: u64,
    /// What was sent with --top-k.
    compression: Option<Compressed>,
    #[serde(flatten)]
    applied: Applied,
    #[serde(flatten)]
    report: Report,
}

/// The gradients that devices get.
struct Gradients {
    source: Arc<dyn Source>,
    /// The sum of their squares, where something depends on it.
    sum: SquareSum,
    compressed: Option<Compressed>,
    /// What is not sent is kept.
    feedback: Option<Feedback>,
}

impl Step {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let top_k = self.compression.checked()?;
        if let Some(output) = &self.half_output {
            refuse_unwritable(output).map_err(Failure::refused)?;
        }
        let mut store = self.store.open()?;
        self.devices.refuse_number(store.folders())?;
        let optimizer = self.refuse_optimizer(&store)?;
        let source = self.source(&store)?;
        if let Some(top_k) = top_k {
            let feedback = self.compression.error_feedback();
            top_k::refuse(top_k, source.as_ref(), &store, feedback, self.memory.0)?;
        }
        if let Some(step) = self.from_step {
            store.back_to(step)?;
        }
        let powers = store.hyper().next(&store.powers());
        let coefficients = self.coefficients(&store)?;
        let Gradients { source, sum, compressed, feedback } = self.gradients(console, &store, source, top_k)?;
        let applied =
            Applied::of(self.loss_scale, self.clip_norm, store.loss_scale(), &sum).map_err(Failure::refused)?;
        let mut printed = Printed {
            store: store.name(),
            device: self.devices.names(),
            optimizer: optimizer.name(),
            step: powers.step,
            nonfinite_gradients: 0,
            compression: compressed,
            applied,
            report: Report::default(),
        };
        if applied.skipped {
            printed.nonfinite_gradients = warn_of_nonfinite(&store, source.as_ref(), true)?;
            if let Some(next) = applied.next() {
                store.keep_loss_scale(next)?;
            }
            store.drop_accumulated()?;
            // Done already if one of these wrote the manifest.
            store.settle()?;
            (printed.step, printed.report.step.nonfinite) = (store.powers().step, true);
            return console.result(&printed, || text(&printed));
        }
        let devices = self.devices.open(console)?;
        for device in &devices {
            check(device.lock().unwrap_or_else(PoisonError::into_inner).as_ref(), optimizer)?;
        }
        let copy = self.begin_half(&store)?;
        let half = copy.clone().map(|(format, file)| (format, file as Arc<dyn HalfSink>));
        let work = Work { coefficients, scale: applied.grad_scale, source, feedback, half, memory: self.memory.0 };
        let next = Next { powers, loss_scale: applied.next(), record: None };
        let passes = if work.feedback.is_some() { 2 } else { 1 };
        let bar = console.progress("elements", passes * store.elements());
        let done = handler::step(&mut store, &devices, &work, next, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        printed.report = done.map_err(not_stored)?;
        // From here on everything that goes wrong is a failure, and whoever sees one tries again, which would apply the gradients twice.
        let do_not_repeat = |failure: Failure| {
            let (step, store) = (powers.step, store.name());
            Failure::failed(failure.error.context(format!("step {step} is stored in {store}; do not repeat it")))
        };
        if printed.report.step.nonfinite {
            let counted = warn_of_nonfinite(&store, work.source.as_ref(), false);
            printed.nonfinite_gradients = counted.map_err(do_not_repeat)?;
        }
        drop(work);
        if let Some((file, output)) = copy.and_then(|(_, file)| Arc::into_inner(file)).zip(self.half_output) {
            file.finish()
                .with_context(|| format!("cannot write {}; make room and export the store", output.display()))
                .map_err(Failure::failed)
                .map_err(do_not_repeat)?;
        }
        console.result(&printed, || text(&printed)).map_err(do_not_repeat)
    }

    fn source(&self, store: &Store) -> Result<Arc<dyn Source>, Failure> {
        let (name, waiting) = (store.name(), store.manifest().accumulated.as_ref());
        match (&self.grads, waiting) {
            (Some(_), Some(waiting)) => Err(Failure::refused(anyhow!(
                "{} accumulated gradients wait in {name}; give --accumulated instead of --grads, or `nearfield accumulate --drop` first",
                waiting.count
            ))),
            (Some(grads), None) => Ok(source::open(grads, &store.manifest().tensors, store.layout())?),
            (None, _) => match Kept::accumulated(store)? {
                Some(accumulated) => Ok(Arc::new(accumulated)),
                None => Err(Failure::refused(anyhow!(
                    "no accumulated gradients wait in {name}; add some with `nearfield accumulate`, or give --grads"
                ))),
            },
        }
    }

    fn refuse_optimizer(&self, store: &Store) -> Result<Optimizer, Failure> {
        let optimizer = store.hyper().optimizer();
        match self.optimizer.filter(|asked| *asked != optimizer) {
            None => Ok(optimizer),
            Some(asked) => {
                let store = store.name();
                let error =
                    anyhow!("{store} was made for {optimizer}, not for {asked}; name {optimizer} or another store");
                Err(Failure::refused(error))
            }
        }
    }

    /// What each parameter group's step needs.
    fn coefficients(&self, store: &Store) -> Result<Vec<Coefficients>, Failure> {
        let powers = store.hyper().next(&store.powers());
        let groups = store.manifest().group_hypers();
        let of = groups.into_iter().map(|hyper| {
            let hyper = hyper.with_lr(self.lr.unwrap_or(hyper.lr()));
            hyper.check()?;
            hyper.coefficients(&powers)
        });
        of.collect::<Result<_, _>>().map_err(Failure::refused)
    }

    /// The gradients as devices get them: as they are, or compressed.
    fn gradients(
        &self,
        console: &Console,
        store: &Store,
        given: Arc<dyn Source>,
        top_k: Option<TopK>,
    ) -> Result<Gradients, Failure> {
        let scaled = self.loss_scale.is_some() || self.clip_norm.is_some();
        let Some(top_k) = top_k else {
            // Of accumulated gradients the sum was made as they were added up. Streams are read in any case: a broken one is refused
            // before anything is written.
            let accumulated = store.manifest().accumulated.as_ref().and_then(|accumulated| accumulated.squares());
            let sum = match accumulated {
                Some(squares) => squares,
                None if scaled || given.form() == Form::TopK => sum(console, store, given.as_ref())?,
                None => SquareSum::default(),
            };
            return Ok(Gradients { source: given, sum, compressed: None, feedback: None });
        };
        let scale = self.compression.error_feedback().then(|| self.scale(store));
        match top_k::compress(console, store, top_k, given.as_ref(), scale, self.loss_scale.is_some())? {
            Some(Streams { source, compressed }) => {
                let sum = if scaled { sum(console, store, source.as_ref())? } else { SquareSum::default() };
                let feedback = match scale.filter(|_| compressed.finite) {
                    // Opened again, for accumulated gradients are read and checked once.
                    Some(scale) => Some(Feedback { grads: self.source(store)?, scale }),
                    None => None,
                };
                Ok(Gradients { source, sum, compressed: Some(compressed), feedback })
            }
            // A NaN has no magnitude; the step is skipped.
            None => {
                let sum = SquareSum { nonfinite: true, ..SquareSum::default() };
                Ok(Gradients { source: given, sum, compressed: None, feedback: None })
            }
        }
    }

    /// What the gradients were multiplied by.
    fn scale(&self, store: &Store) -> f32 {
        match self.loss_scale {
            None => 1.0,
            Some(LossScaling::Static(scale)) => scale,
            Some(LossScaling::Dynamic) => store.loss_scale().scale,
        }
    }

    fn begin_half(&self, store: &Store) -> Result<Option<(HalfFormat, Arc<RunWriter>)>, Failure> {
        let Some((format, output)) = self.half.zip(self.half_output.as_ref()) else { return Ok(None) };
        let file = RunWriter::create(output, format.element(), &store.manifest().tensors)
            .with_context(|| format!("cannot write {}; make room or name another place", output.display()))
            .map_err(Failure::failed)?;
        Ok(Some((format, Arc::new(file))))
    }
}

/// The sum of the gradients' squares.
fn sum(console: &Console, store: &Store, source: &dyn Source) -> Result<SquareSum, Failure> {
    let bar = console.progress("gradients", store.elements());
    let sum = source::sum_of_squares(source, store.layout(), &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    Ok(sum?)
}

/// A step that failed, unless it says itself that it may be stored.
fn not_stored(error: HandlerError) -> Failure {
    let refused = error.refused();
    let failure = Failure::failed(error);
    match refused {
        true => Failure::refused(failure.error),
        false => Failure { error: failure.error.context("the step failed"), ..failure },
    }
}

/// Counts the gradients that are infinite or NaN and warns of them. Without a loss scale the step is done all the same: the
/// specification says what becomes of them.
fn warn_of_nonfinite(store: &Store, source: &dyn Source, skipped: bool) -> Result<u64, Failure> {
    let (mut count, mut first) = (0, None);
    for_each_piece(source, store.layout(), |piece, grads| {
        let wide = grads.widened();
        let mut found = (piece.range().start..).zip(wide.iter()).filter(|(_, g)| !g.is_finite());
        if let Some((at, _)) = found.next() {
            first.get_or_insert(at);
            count += 1 + found.count() as u64;
        }
        Ok(())
    })?;
    let mut end = 0;
    let tensor = store.manifest().tensors.iter().find(|tensor| {
        end += tensor.elements().unwrap_or(0);
        first.is_some_and(|first| first < end)
    });
    if let Some(tensor) = tensor {
        let then = if skipped { "the step is skipped" } else { "they go into the state" };
        tracing::warn!("{count} gradients are infinite or NaN, the first in tensor {:?}; {then}", tensor.name);
    }
    Ok(count)
}

fn text(printed: &Printed) -> String {
    let Printed { store, device, optimizer, step, report, applied, .. } = printed;
    let report = &report.step;
    if applied.skipped {
        let next = applied.loss_scale.map(|scale| format!("; the next loss scale is {scale}")).unwrap_or_default();
        return format!(
            "{store}: skipped, for the gradients are not all finite; still at {optimizer} step {step}{next}"
        );
    }
    let mut text = format!(
        "{store}: {optimizer} step {step} done on {device}: {} elements in {:.3} s",
        report.elements, report.seconds
    );
    if let Some(compressed) = &printed.compression {
        text += &format!("\n{}", compressed.text(report.elements));
    }
    if let Some(norm) = applied.norm {
        text += &format!("\ngradient norm {norm:.6}, gradients multiplied by {:e}", applied.grad_scale);
    }
    if let (Some(cycles), Some(rate), Some(lanes)) = (report.cycles, report.elements_per_lane_cycle, report.lanes) {
        text += &format!("\n{cycles} kernel cycles, {rate:.4} elements per lane and cycle, {lanes} lanes");
        let stalls: Vec<String> = report.stalls.iter().map(|(name, cycles)| format!("{name} {cycles}")).collect();
        text += &format!("\nstalled cycles: {}", stalls.join(", "));
    }
    text
}
