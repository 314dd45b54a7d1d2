//! `nearfield step`: one optimizer step of a store.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::optimizer;
use super::output::refuse_unwritable;
use super::scaling::{Applied, LossScaling};
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::device::{Device, DeviceError, DeviceSpec, Tensors};
use nearfield::gradients::{GradientRun, HalfCopy, HalfFormat};
use nearfield::safetensors::{self, ElementType};
use nearfield::step::{check, step, StepReport};
use nearfield::store::{by_tensor, State, Store, TensorEntry};
use nearfield::topk::file::read_gradients;
use nearfield_model::optimizer::{Coefficients, Optimizer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Do one optimizer step of a store, on a device.
#[derive(Args)]
#[command(
    after_help = "Example:\n  nearfield step --store state --grads grads.safetensors --device sim:ideal,lanes=4 --json\n  \
nearfield step --store state --grads scaled.safetensors --loss-scale dynamic --clip-norm 1 --half bf16 --half-output gpu.safetensors"
)]
pub struct Step {
    /// The store.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The gradients: a safetensors file with a tensor for every parameter, of its name and shape, all F32, all F16 or all
    /// BF16; or what `nearfield compress` made of one. A device gets them as they are.
    #[arg(long, value_name = "FILE")]
    grads: PathBuf,
    #[arg(long, default_value = "soft", help = super::DEVICE, long_help = super::DEVICE_LONG)]
    device: DeviceSpec,
    /// Refuse the store unless it was made for this optimizer.
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    optimizer: Option<Optimizer>,
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
}

/// What a step prints with `--json`.
#[derive(Serialize)]
struct Printed {
    store: PathBuf,
    device: String,
    optimizer: &'static str,
    step: u64,
    /// Gradients that are infinite or NaN.
    nonfinite_gradients: u64,
    #[serde(flatten)]
    applied: Applied,
    #[serde(flatten)]
    report: StepReport,
}

impl Step {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        if let Some(output) = &self.half_output {
            refuse_unwritable(output).map_err(Failure::refused)?;
        }
        let mut store = Store::open(&self.store)?;
        let hyper = store.hyper();
        let hyper = hyper.with_lr(self.lr.unwrap_or(hyper.lr()));
        let optimizer = hyper.optimizer();
        if let Some(asked) = self.optimizer.filter(|asked| *asked != optimizer) {
            let store = self.store.display();
            let error = anyhow!("{store} was made for {optimizer}, not for {asked}; name {optimizer} or another store");
            return Err(Failure::refused(error));
        }
        hyper.check().map_err(Failure::refused)?;
        let grads = read_gradients(&self.grads, &store.manifest().tensors)?;
        let sum = grads.sum_of_squares();
        let applied =
            Applied::of(self.loss_scale, self.clip_norm, store.loss_scale(), &sum).map_err(Failure::refused)?;
        let nonfinite_gradients = match sum.nonfinite {
            true => warn_of_nonfinite(&grads.widened(), &store.manifest().tensors, applied.skipped),
            false => 0,
        };
        if applied.skipped {
            if let Some(next) = applied.next() {
                store.keep_loss_scale(next)?;
            }
            let (device, step) = (self.device.to_string(), store.powers().step);
            let report = StepReport { nonfinite: true, ..StepReport::default() };
            let optimizer = optimizer.name();
            let printed = Printed { store: self.store, device, optimizer, step, nonfinite_gradients, applied, report };
            return console.result(&printed, || text(&printed));
        }
        let mut state = store.load()?;
        let powers = hyper.next(&store.powers());
        let k = hyper.coefficients(&powers).map_err(Failure::refused)?;
        let mut device = console.open(&self.device)?;
        check(device.as_ref(), optimizer)?;

        let bar = console.progress("elements", state.params.len() as u64);
        let mut half = self.half.map(|format| (format, vec![0; state.params.len()]));
        let report = whole_step(device.as_mut(), &k, applied.grad_scale, &mut state, &grads, &mut half, &mut |done| {
            bar.set_position(done);
        });
        bar.finish_and_clear();
        // From here on everything that goes wrong is a failure: the kernel has run.
        let report = report.context("the step was not stored").map_err(Failure::failed)?;
        store.commit(&state, &powers, applied.next())?;
        let device = self.device.to_string();
        let (optimizer, step) = (optimizer.name(), powers.step);
        let printed = Printed { store: self.store, device, optimizer, step, nonfinite_gradients, applied, report };
        // Whoever sees a failure tries again, and that would apply the gradients twice.
        let do_not_repeat = |failure: Failure| {
            let (step, store) = (printed.step, printed.store.display());
            Failure {
                error: failure.error.context(format!("step {step} is stored in {store}; do not repeat it")),
                ..failure
            }
        };
        if let Some(((format, copy), output)) = half.zip(self.half_output) {
            write_half(&output, format, &copy, &store.manifest().tensors)
                .with_context(|| format!("cannot write {}; make room and export the store", output.display()))
                .map_err(Failure::failed)
                .map_err(do_not_repeat)?;
        }
        console.result(&printed, || text(&printed)).map_err(do_not_repeat)
    }
}

/// The step of all parameters: a part of the run that has gradients of its own after the other.
fn whole_step(
    device: &mut dyn Device,
    k: &Coefficients,
    scale: f32,
    state: &mut State,
    grads: &GradientRun,
    half: &mut Option<(HalfFormat, Vec<u16>)>,
    progress: &mut dyn FnMut(u64),
) -> Result<StepReport, DeviceError> {
    let mut report = StepReport::default();
    let mut begin = 0;
    for part in grads.parts() {
        let here = begin..begin + part.len();
        let half = half.as_mut().map(|(format, copy)| HalfCopy { format: *format, into: &mut copy[here.clone()] });
        let states = state.states.iter_mut().map(|state| &mut state[here.clone()]).collect();
        let tensors = Tensors { params: &mut state.params[here.clone()], states, grads: part, half };
        report.add(&step(device, k, scale, tensors, &mut |done| progress(begin as u64 + done))?);
        begin = here.end;
    }
    Ok(report)
}

fn write_half(output: &Path, format: HalfFormat, copy: &[u16], tensors: &[TensorEntry]) -> std::io::Result<()> {
    let tensors = by_tensor(tensors, copy);
    let named = tensors.map(|(tensor, here)| (tensor.name.clone(), (tensor.shape.as_slice(), here))).collect();
    let element = match format {
        HalfFormat::Fp16 => ElementType::F16,
        HalfFormat::Bf16 => ElementType::BF16,
    };
    safetensors::write_half(output, element, &named, &BTreeMap::new())
}

/// Counts the gradients that are infinite or NaN and warns of them. Without a loss scale the step is done all the same: the
/// specification says what becomes of them.
fn warn_of_nonfinite(grads: &[f32], tensors: &[TensorEntry], skipped: bool) -> u64 {
    let (mut count, mut first) = (0, None);
    for (tensor, here) in by_tensor(tensors, grads) {
        let found = here.iter().filter(|g| !g.is_finite()).count() as u64;
        if found > 0 {
            first.get_or_insert(&tensor.name);
        }
        count += found;
    }
    if let Some(name) = first {
        let then = if skipped { "the step is skipped" } else { "they go into the state" };
        tracing::warn!("{count} gradients are infinite or NaN, the first in tensor {name:?}; {then}");
    }
    count
}

fn text(printed: &Printed) -> String {
    let Printed { store, device, optimizer, step, report, applied, .. } = printed;
    if applied.skipped {
        let store = store.display();
        let next = applied.loss_scale.map(|scale| format!("; the next loss scale is {scale}")).unwrap_or_default();
        return format!(
            "{store}: skipped, for the gradients are not all finite; still at {optimizer} step {step}{next}"
        );
    }
    let mut text = format!(
        "{}: {optimizer} step {step} done on {device}: {} elements in {:.3} s",
        store.display(),
        report.elements,
        report.seconds
    );
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
