//! Who keeps a model's parameters and does its optimizer steps.

use crate::device::{Device, DeviceError, Tensors};
use crate::step::{step, StepReport};
use nearfield_model::optimizer::{BetaPowers, Hyper, HyperError};

/// What a step is done with.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The derivatives by all parameters, as long as they are.
    pub gradients: &'a [f32],
    /// What gradients are multiplied by first.
    pub grad_scale: f32,
    /// The step's learning rate.
    pub lr: f64,
    /// Kept with the state that the step leads to.
    pub record: &'a [u8],
}

/// Parameters with their optimizer's state, and a record of whoever trains them that is replaced with each step.
pub trait Optimize {
    /// The parameters as they are now, flat, in the order of [`super::Shape::tensors`].
    fn params(&self) -> &[f32];
    /// Steps done so far.
    fn steps(&self) -> u64;
    /// The record of the last step, or the one it was begun with.
    fn record(&self) -> &[u8];
    /// One step. After an error parameters, state and record are those before it, or of no use.
    ///
    /// # Errors
    /// What the device fails with, and coefficients that overflow.
    fn step(&mut self, update: Update<'_>) -> Result<(), OptimizeError>;
    /// What the steps of this process added up to.
    fn report(&self) -> &StepReport;
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum OptimizeError {
    /// The device failed, or does not do this optimizer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A coefficient of the step overflows f32.
    #[error(transparent)]
    Hyper(#[from] HyperError),
}

impl OptimizeError {
    /// Whether this was refused before anything of the step ran.
    pub fn refused(&self) -> bool {
        match self {
            OptimizeError::Device(error) => error.refused(),
            OptimizeError::Hyper(_) => true,
        }
    }
}

/// Parameters and state in this process's memory: nothing outlives it.
pub struct InMemory<'d> {
    device: &'d mut dyn Device,
    hyper: Hyper,
    powers: BetaPowers,
    params: Vec<f32>,
    states: Vec<Vec<f32>>,
    record: Vec<u8>,
    report: StepReport,
}

impl<'d> InMemory<'d> {
    /// Parameters before their first step.
    pub fn new(device: &'d mut dyn Device, hyper: Hyper, params: Vec<f32>, record: Vec<u8>) -> InMemory<'d> {
        InMemory {
            device,
            hyper,
            powers: hyper.powers(),
            states: vec![vec![0.0; params.len()]; hyper.states().len()],
            params,
            record,
            report: StepReport::default(),
        }
    }
}

impl Optimize for InMemory<'_> {
    fn params(&self) -> &[f32] {
        &self.params
    }

    fn steps(&self) -> u64 {
        self.powers.step
    }

    fn record(&self) -> &[u8] {
        &self.record
    }

    fn step(&mut self, update: Update<'_>) -> Result<(), OptimizeError> {
        let hyper = self.hyper.with_lr(update.lr);
        let powers = hyper.next(&self.powers);
        let k = hyper.coefficients(&powers)?;
        let states = self.states.iter_mut().map(Vec::as_mut_slice).collect();
        let tensors = Tensors { params: &mut self.params, states, grads: update.gradients.into(), half: None };
        let report = step(self.device, &k, update.grad_scale, tensors, &mut |_| ())?;
        self.powers = powers;
        self.report.add(&report);
        self.record.clear();
        self.record.extend_from_slice(update.record);
        Ok(())
    }

    fn report(&self) -> &StepReport {
        &self.report
    }
}
