//! The training loop.

use super::{Gpt, Optimize, OptimizeError, Plan, RecordError, Trigram, Update, Window};
use crate::gradient_norm::sum_of_squares;
use crate::step::StepReport;
use nearfield_model::scale::{clip, norm};
use serde::Serialize;
use std::num::NonZero;
use std::time::Instant;

/// Windows that are scored between steps.
const SAMPLE: usize = 16;

/// How a run is watched. Nothing of this changes its result.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Threads for forward and backward.
    pub threads: usize,
    /// Held-out bytes are sampled every so many steps; never if 0.
    pub every: u64,
}

/// What happens during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A step ended.
    Step {
        /// Counted from 1.
        step: u64,
        /// What its windows took before it, in bits a byte.
        bits_per_byte: f64,
    },
    /// Some of the held-out windows were scored.
    Sampled(Sample),
}

/// A score of up to 16 of the held-out windows, the same ones each time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Steps done.
    pub step: u64,
    /// Bits a byte.
    pub bits_per_byte: f64,
}

/// What a run gave.
#[derive(Clone, Debug, Serialize)]
pub struct Trained {
    /// Parameters.
    pub parameters: usize,
    /// Steps of the run, those of earlier processes included.
    pub steps: u64,
    /// Steps that were there when this process began.
    pub resumed_at: u64,
    /// Bytes that were predicted at the end, each once by each model.
    pub held_out_bytes: usize,
    /// What they take with this model, in bits a byte.
    pub bits_per_byte: f64,
    /// What they take with a trigram of the same training text.
    pub trigram_bits_per_byte: f64,
    /// Scores on the way, of this process.
    pub samples: Vec<Sample>,
    /// All optimizer steps of this process; `seconds` is the time spent in them.
    pub optimizer: StepReport,
    /// Bytes a second that this process trained on, all of a step included; null if it did no step.
    pub training_bytes_per_second: Option<f64>,
    /// Wall-clock time of this process.
    pub seconds: f64,
}

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The state is not one of this run. Nothing has run.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The loss, or its derivative, is NaN or infinite.
    #[error(
        "the {what} of step {step} is not finite; training cannot go on. The state is that of the step before; begin again with a \
         smaller learning rate"
    )]
    NotFinite {
        /// Loss or gradient.
        what: &'static str,
        /// Counted from 1.
        step: u64,
    },
    /// A step failed.
    #[error("step {step} failed")]
    Step {
        /// Counted from 1.
        step: u64,
        /// Why.
        source: OptimizeError,
    },
}

impl TrainError {
    /// Whether this was refused before anything ran or was written.
    pub fn refused(&self) -> bool {
        match self {
            TrainError::Record(_) => true,
            TrainError::NotFinite { .. } => false,
            TrainError::Step { step, source } => *step == 1 && source.refused(),
        }
    }
}

/// Does the steps of a plan that `optimizer` has not done yet, then scores the held-out part. `happened` hears of each step.
///
/// # Errors
/// [`TrainError`].
///
/// # Panics
/// If the optimizer has another number of parameters than the plan.
pub fn train(
    plan: &Plan<'_>,
    optimizer: &mut dyn Optimize,
    watch: Watch,
    happened: &mut dyn FnMut(Event),
) -> Result<Trained, TrainError> {
    let begun = Instant::now();
    let options = plan.options();
    let context = options.shape.context;
    plan.check(optimizer.steps(), optimizer.record())?;
    let resumed_at = optimizer.steps();
    let mut model = Gpt::new(options.shape, options.batch, watch.threads);
    let held_out = plan.text().held_out_windows(context);
    let sampled: Vec<Window<'_>> = held_out.iter().copied().step_by(held_out.len().div_ceil(SAMPLE).max(1)).collect();
    let mut gradients = vec![0.0; options.shape.parameters()];
    let mut samples = Vec::new();
    let mut stepping = 0.0;
    for step in resumed_at..options.steps {
        let step_begun = Instant::now();
        let loss = one_step(plan, &mut model, optimizer, step, &mut gradients, watch.threads)?;
        stepping += step_begun.elapsed().as_secs_f64();
        let step = step + 1;
        happened(Event::Step { step, bits_per_byte: bits(loss) });
        if watch.every > 0 && step % watch.every == 0 {
            let loss = model.evaluate(optimizer.params(), &sampled) / (sampled.len() * context) as f64;
            let sample = Sample { step, bits_per_byte: bits(loss) };
            samples.push(sample);
            happened(Event::Sampled(sample));
        }
    }
    let held_out_bytes = held_out.len() * context;
    let loss = model.evaluate(optimizer.params(), &held_out) / held_out_bytes as f64;
    let trigram = Trigram::new(plan.text().training());
    let trained = (options.steps - resumed_at) as usize * options.batch * context;
    Ok(Trained {
        parameters: gradients.len(),
        steps: optimizer.steps(),
        resumed_at,
        held_out_bytes,
        bits_per_byte: bits(loss),
        trigram_bits_per_byte: trigram.bits_per_byte(plan.text().scored(context)),
        samples,
        optimizer: optimizer.report().clone(),
        training_bytes_per_second: (trained > 0).then(|| trained as f64 / stepping),
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// One step, counted from 0; gives the loss in nats before it.
fn one_step(
    plan: &Plan<'_>,
    model: &mut Gpt,
    optimizer: &mut dyn Optimize,
    step: u64,
    gradients: &mut [f32],
    threads: usize,
) -> Result<f64, TrainError> {
    let loss = model.gradients(optimizer.params(), &plan.windows(step), gradients);
    if !loss.is_finite() {
        return Err(TrainError::NotFinite { what: "loss", step: step + 1 });
    }
    // Exact, so it does not depend on who adds what.
    let squares = sum_of_squares(gradients, NonZero::new(threads));
    let norm = norm(&squares, 1.0).ok_or(TrainError::NotFinite { what: "gradient", step: step + 1 })?;
    let update = Update {
        gradients,
        grad_scale: clip(norm, plan.options().clip_norm),
        lr: plan.lr(step),
        record: &plan.record(step + 1),
    };
    optimizer.step(update).map_err(|source| TrainError::Step { step: step + 1, source })?;
    Ok(loss)
}

fn bits(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}

#[cfg(test)]
mod tests;
