//! Error feedback: what a step does not send of its gradients is kept in the store.

use super::pipeline::{Pipeline, Task};
use super::worker::Worker;
use super::{run, HandlerError, Plan};
use crate::disk::Aligned;
use crate::gradients::Gradients;
use crate::source::{scaled, Form, GradientError, Source};
use crate::step::StepReport;
use crate::store::{Piece, Store, Unsent};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// What error feedback needs to know of a step besides what is sent.
#[derive(Clone, Debug)]
pub struct Feedback {
    /// The gradients before they were compressed.
    pub grads: Arc<dyn Source>,
    /// What they were multiplied by: the loss scale.
    pub scale: f32,
}

impl Feedback {
    /// What a store's residual has to be multiplied by, so that it has the scale of the gradients.
    pub fn factor(store: &Store, scale: f32) -> f32 {
        store.manifest().current().residual.as_ref().map_or(1.0, |residual| scale / residual.scale)
    }
}

/// Keeps gradients + residual - what is sent, for step `step`, beside the residual from before, which stands until the step is
/// committed.
pub(super) fn keep(
    store: &Store,
    feedback: &Feedback,
    sent: &Arc<dyn Source>,
    plan: &Plan,
    step: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Unsent, HandlerError> {
    let files = (0..store.folders().len()).map(|device| store.keeping(device, step)).collect::<Result<Vec<_>, _>>()?;
    let first = files.iter().all(|(reading, _)| reading.is_none());
    let files: Vec<_> = files.into_iter().map(|files| Mutex::new(Some(files))).collect();
    let begin = |number: usize, stop: &Arc<AtomicBool>, progress: &mut dyn FnMut(u64)| {
        let files = files[number].lock().unwrap_or_else(PoisonError::into_inner).take();
        // Each device begins once.
        let files = files.ok_or(HandlerError::Stopped)?;
        let bytes = sent.most_bytes(plan.piece_elements) as usize;
        let memory = Aligned::new(bytes).map_err(|source| GradientError::NoMemory { bytes, source })?;
        let keeper = Keeper {
            first,
            factor: Feedback::factor(store, feedback.scale),
            sent: sent.clone(),
            memory: Mutex::new(memory),
        };
        let task = Task { source: feedback.grads.clone(), worker: Arc::new(keeper), half: None };
        Pipeline::new(store, number, files, task, plan)?.run(stop, progress)
    };
    let ended = run(files.len(), &begin, progress)?;
    feedback.grads.verify()?;
    Ok(Unsent { parts: ended.into_iter().map(|ended| ended.part).collect(), scale: feedback.scale })
}

/// The buffers that [`keep`] takes.
pub(super) fn plan(
    store: &Store,
    feedback: &Feedback,
    sent: &Arc<dyn Source>,
    memory: u64,
) -> Result<Plan, HandlerError> {
    Plan::new(store, 1, &Both { grads: feedback.grads.clone(), sent: sent.clone() }, false, memory)
}

/// Gradients beside what is sent of them: as many bytes as both.
#[derive(Debug)]
struct Both {
    grads: Arc<dyn Source>,
    sent: Arc<dyn Source>,
}

impl Source for Both {
    fn form(&self) -> Form {
        self.grads.form()
    }

    fn most_bytes(&self, elements: u64) -> u64 {
        self.grads.most_bytes(elements) + self.sent.most_bytes(elements)
    }

    fn read(&self, piece: &Piece, into: &mut [u8]) -> Result<usize, GradientError> {
        self.grads.read(piece, into)
    }
}

struct Keeper {
    /// Whether there is no residual yet.
    first: bool,
    factor: f32,
    sent: Arc<dyn Source>,
    /// For a piece of what is sent.
    memory: Mutex<Aligned>,
}

impl Worker for Keeper {
    fn work(
        &self,
        piece: &Piece,
        runs: Vec<&mut [f32]>,
        grads: Gradients<'_>,
        _half: Option<&mut [u16]>,
    ) -> Result<StepReport, HandlerError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.sent.read(piece, memory.bytes_mut())?;
        let sent = self.sent.form().view(piece, &memory.bytes()[..bytes])?;
        for run in runs {
            match self.first {
                true => run.fill(0.0),
                false => scaled(run, self.factor),
            }
            // The sums of `Compressor::with_feedback`, and what it leaves in their place.
            run.iter_mut().zip(grads.widened().iter()).for_each(|(unsent, grad)| *unsent += grad);
            match &sent {
                Gradients::TopK(stream) => stream.for_each(|index, value| run[index as usize] -= value),
                dense => run.iter_mut().zip(dense.widened().iter()).for_each(|(unsent, value)| *unsent -= value),
            }
        }
        Ok(StepReport { elements: piece.elements, ..StepReport::default() })
    }
}
