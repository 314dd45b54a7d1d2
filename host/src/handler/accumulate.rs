//! Gradients of several micro-batches, added up in the store.

use super::pipeline::{Pipeline, Task};
use super::worker::Worker;
use super::{run, HandlerError, Plan};
use crate::gradients::Gradients;
use crate::source::Source;
use crate::step::StepReport;
use crate::store::{Piece, Store};
use nearfield_model::gradient_norm::SquareSum;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// Adds gradients to those that wait for a step, in binary32, and sums up the squares of what comes out; gives how many were added since the
/// last step. Until it is done those from before stand.
///
/// # Errors
///
/// As [`super::step`].
pub fn accumulate(
    store: &mut Store,
    source: &Arc<dyn Source>,
    memory: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, HandlerError> {
    let plan = Plan::new(store, 1, source.as_ref(), false, memory)?;
    store.settle()?;
    let count = store.manifest().accumulated.as_ref().map_or(0, |accumulated| accumulated.count) + 1;
    let adder = Arc::new(Adder { first: count == 1, squares: Mutex::default() });
    let task = Task { source: source.clone(), worker: adder.clone(), half: None };
    let files =
        (0..store.folders().len()).map(|device| store.accumulating(device, count)).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<_> = files.into_iter().map(|files| Mutex::new(Some(files))).collect();
    let begin = |number: usize, stop: &Arc<AtomicBool>, progress: &mut dyn FnMut(u64)| {
        let files = files[number].lock().unwrap_or_else(PoisonError::into_inner).take();
        // Each device begins once.
        let files = files.ok_or(HandlerError::Stopped)?;
        Pipeline::new(store, number, files, task.clone(), &plan)?.run(stop, progress)
    };
    let ended = run(files.len(), &begin, progress)?;
    let parts = ended.into_iter().map(|ended| ended.part).collect();
    let squares = *adder.squares.lock().unwrap_or_else(PoisonError::into_inner);
    store.commit_accumulated(parts, count, &squares)?;
    Ok(count)
}

struct Adder {
    first: bool,
    squares: Mutex<SquareSum>,
}

impl Worker for Adder {
    fn work(
        &self,
        piece: &Piece,
        runs: Vec<&mut [f32]>,
        grads: Gradients<'_>,
        _half: Option<&mut [u16]>,
    ) -> Result<StepReport, HandlerError> {
        for run in runs {
            match self.first {
                // Not added to zero, which would make -0 a +0.
                true => grads.widen_into(run),
                false => run.iter_mut().zip(grads.widened().iter()).for_each(|(sum, grad)| *sum += grad),
            }
            let squares = Gradients::Fp32(run).sum_of_squares();
            self.squares.lock().unwrap_or_else(PoisonError::into_inner).add_sum(&squares);
        }
        Ok(StepReport { elements: piece.elements, ..StepReport::default() })
    }
}
