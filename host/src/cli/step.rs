//! `nearfield step`: one optimizer step of a store.

use super::console::Console;
use super::failure::Failure;
use super::optimizer::optimizer;
use anyhow::{anyhow, Context};
use clap::Args;
use nearfield::device::{DeviceSpec, Tensors};
use nearfield::step::{check, step, StepReport};
use nearfield::store::{Store, TensorEntry};
use nearfield::topk::file::read_gradients;
use nearfield_model::optimizer::Optimizer;
use serde::Serialize;
use std::path::PathBuf;

/// Do one optimizer step of a store, on a device.
#[derive(Args)]
#[command(
    after_help = "Example:\n  nearfield step --store state --grads grads.safetensors --device sim:ideal,lanes=4 --json"
)]
pub struct Step {
    /// The store.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// The gradients: a safetensors file with a tensor for every parameter, of its name and shape, or what `nearfield
    /// compress` made of one.
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
    report: StepReport,
}

impl Step {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
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
        let mut state = store.load()?;
        let powers = hyper.next(&store.powers());
        let k = hyper.coefficients(&powers).map_err(Failure::refused)?;
        let nonfinite_gradients = warn_of_nonfinite(&grads, &store.manifest().tensors);
        let mut device = console.open(&self.device)?;
        check(device.as_ref(), optimizer)?;

        let bar = console.progress("elements", grads.len() as u64);
        let tensors = Tensors {
            params: &mut state.params,
            states: state.states.iter_mut().map(Vec::as_mut_slice).collect(),
            grads: (&grads).into(),
            half: None,
        };
        let report = step(device.as_mut(), &k, 1.0, tensors, &mut |done| bar.set_position(done));
        bar.finish_and_clear();
        // From here on everything that goes wrong is a failure: the kernel has run.
        let report = report.context("the step was not stored").map_err(Failure::failed)?;
        store.commit(&state, &powers)?;
        let device = self.device.to_string();
        let (optimizer, step) = (optimizer.name(), powers.step);
        let printed = Printed { store: self.store, device, optimizer, step, nonfinite_gradients, report };
        // Whoever sees a failure tries again, and that would apply the gradients twice.
        console.result(&printed, || text(&printed)).map_err(|failure| {
            let (step, store) = (printed.step, printed.store.display());
            Failure {
                error: failure.error.context(format!("step {step} is stored in {store}; do not repeat it")),
                ..failure
            }
        })
    }
}

/// Counts the gradients that are infinite or NaN and warns of them. The step is done all the same: the specification says
/// what becomes of them.
fn warn_of_nonfinite(grads: &[f32], tensors: &[TensorEntry]) -> u64 {
    let (mut count, mut first, mut rest) = (0, None, grads);
    for tensor in tensors {
        let (here, after) = rest.split_at(tensor.elements().unwrap_or(0) as usize);
        rest = after;
        let found = here.iter().filter(|g| !g.is_finite()).count() as u64;
        if found > 0 {
            first.get_or_insert(&tensor.name);
        }
        count += found;
    }
    if let Some(name) = first {
        tracing::warn!("{count} gradients are infinite or NaN, the first in tensor {name:?}; they go into the state");
    }
    count
}

fn text(printed: &Printed) -> String {
    let Printed { store, device, optimizer, step, report, .. } = printed;
    let mut text = format!(
        "{}: {optimizer} step {step} done on {device}: {} elements in {:.3} s",
        store.display(),
        report.elements,
        report.seconds
    );
    if let (Some(cycles), Some(rate), Some(lanes)) = (report.cycles, report.elements_per_lane_cycle, report.lanes) {
        text += &format!("\n{cycles} kernel cycles, {rate:.4} elements per lane and cycle, {lanes} lanes");
        let stalls: Vec<String> = report.stalls.iter().map(|(name, cycles)| format!("{name} {cycles}")).collect();
        text += &format!("\nstalled cycles: {}", stalls.join(", "));
    }
    text
}
