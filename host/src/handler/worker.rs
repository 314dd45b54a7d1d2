//! What is done with a piece while it is in memory.

use super::{HandlerError, SharedDevice};
use crate::device::Tensors;
use crate::gradients::{Gradients, HalfCopy, HalfFormat};
use crate::step::{self, run_bound, StepReport};
use crate::store::Piece;
use nearfield_model::optimizer::Coefficients;
use std::sync::PoisonError;
use std::time::Duration;

/// Works on pieces, one after another.
pub(super) trait Worker: Send + Sync {
    /// Changes a piece's flat runs, given its gradients; writes the half-precision copy, if there is one.
    fn work(
        &self,
        piece: &Piece,
        runs: Vec<&mut [f32]>,
        grads: Gradients<'_>,
        half: Option<&mut [u16]>,
    ) -> Result<StepReport, HandlerError>;

    /// How long a piece of so many elements may take: on this machine's CPU, if a worker says nothing else.
    fn bound(&self, _elements: u64) -> Duration {
        Duration::from_secs(60)
    }
}

/// The optimizer's step, on a device.
pub(super) struct Updater {
    pub device: SharedDevice,
    /// Of each parameter group.
    pub coefficients: Vec<Coefficients>,
    pub scale: f32,
    pub half: Option<HalfFormat>,
}

impl Worker for Updater {
    fn work(
        &self,
        piece: &Piece,
        runs: Vec<&mut [f32]>,
        grads: Gradients<'_>,
        half: Option<&mut [u16]>,
    ) -> Result<StepReport, HandlerError> {
        let mut runs = runs.into_iter();
        // A store has parameters: without, there is nothing to do.
        let Some(params) = runs.next() else { return Ok(StepReport::default()) };
        let half = self.half.zip(half).map(|(format, into)| HalfCopy { format, into });
        let tensors = Tensors { params, states: runs.collect(), grads, half };
        let k = &self.coefficients[piece.subgroup.group];
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(step::step(device.as_mut(), k, self.scale, tensors, &mut |_| ())?)
    }

    fn bound(&self, elements: u64) -> Duration {
        let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        run_bound(device.as_ref(), elements as usize)
    }
}
