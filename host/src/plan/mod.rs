//! What a step of training will cost before anything is bought: bytes, seconds by stage, and the stage that binds.
//!
//! The model is arithmetic: a stage moves bytes at a rate or updates parameters at a rate, and a [`Scheme`] says which
//! stages there are and which of them run at once. It knows no queue, no latency and no file system. Its sources, what it
//! assumes and how far it lies from what was published: `docs/plan.md`; [`published`] computes that comparison.
//!
//! Units: bytes, seconds, and bytes or parameters a second; GB is 10^9 bytes.

mod bytes;
mod compression;
mod count;
mod figures;
pub mod published;
mod scheme;
mod stage;
#[cfg(test)]
mod tests;

pub use bytes::{Bytes, PUBLISHED_KEPT_BYTES};
pub use compression::Compression;
pub use count::{parse_count, CountError};
pub use figures::{Figures, FiguresError, Published, PUBLISHED};
pub use scheme::Scheme;
pub use stage::{Overlap, Phase, Prediction, Resource, Stage};

use crate::compress::{Amount, CompressError};
use nearfield_model::optimizer::{Hyper, Optimizer};
use serde::Serialize;

/// The most parameters: the bytes of every stage then fit 64 bits, and every count is exact in an f64.
const MOST_PARAMETERS: u64 = 1_000_000_000_000_000;
/// The most devices; what is meant is to catch a slip of the hand.
const MOST_DEVICES: u32 = 4096;

/// What is trained, and on how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// Parameters of the model.
    pub parameters: u64,
    /// Drives, each with a device beside it; the parameters are dealt to them evenly.
    pub devices: u32,
    /// The optimizer with its default hyper-parameters, which says how many states there are.
    pub optimizer: Optimizer,
    /// The part of the gradients that is kept, above 0 and at most 1; `None` leaves the schemes with compression out.
    pub top_k: Option<f64>,
    /// Seconds of forward and backward without moving gradients; `None` takes
    /// [`published::compute_seconds_per_parameter`].
    pub compute_seconds: Option<f64>,
}

/// Why a workload was not planned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Parameters out of range.
    #[error(
        "a model of {parameters} parameters cannot be planned; name 1 to {MOST_PARAMETERS}, for example 7e9 or 8.4B"
    )]
    Parameters {
        /// What was asked for.
        parameters: u64,
    },
    /// Devices out of range.
    #[error("the state cannot lie on {devices} devices; name 1 to {MOST_DEVICES}")]
    Devices {
        /// What was asked for.
        devices: u32,
    },
    /// A ratio or a number of parameters that compression refuses.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// The compute time is no time.
    #[error("forward and backward cannot take {seconds} seconds; name a number from 0 to 1e9")]
    Compute {
        /// What was asked for.
        seconds: f64,
    },
}

/// What a workload comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Parameters of the model.
    pub parameters: u64,
    /// Devices.
    pub devices: u32,
    /// The optimizer's name.
    pub optimizer: &'static str,
    /// The part of the gradients that is kept.
    pub top_k: Option<f64>,
    /// What the devices do.
    pub figures: Figures,
    /// Seconds of forward and backward without moving gradients.
    pub compute_seconds: f64,
    /// What lies where.
    pub bytes: Bytes,
    /// A step in every scheme; the first is [`Scheme::ZeroInfinity`].
    pub schemes: Vec<Prediction>,
    /// Whether compression pays, in each scheme that has it.
    pub compression: Vec<Compression>,
}

/// Predicts a step.
///
/// # Errors
///
/// [`PlanError`] when the workload is out of range. The figures have been checked where they were made.
pub fn plan(workload: &Workload, figures: &Figures) -> Result<Plan, PlanError> {
    let Workload { parameters, devices, optimizer, top_k, compute_seconds } = *workload;
    if parameters == 0 || parameters > MOST_PARAMETERS {
        return Err(PlanError::Parameters { parameters });
    }
    if devices == 0 || devices > MOST_DEVICES {
        return Err(PlanError::Devices { devices });
    }
    // Written so that NaN is refused.
    if let Some(seconds) = compute_seconds.filter(|seconds| !(0.0..=1e9).contains(seconds)) {
        return Err(PlanError::Compute { seconds });
    }
    let kept = top_k.map(|ratio| Amount::Ratio(ratio).of(parameters)).transpose()?;
    let compute_seconds =
        compute_seconds.unwrap_or_else(|| published::compute_seconds_per_parameter() * parameters as f64);
    let bytes = Bytes::of(parameters, Hyper::of(optimizer).states().len() as u64, kept);
    let schemes = predict(&bytes, devices, figures, compute_seconds);
    Ok(Plan {
        parameters,
        devices,
        optimizer: optimizer.name(),
        top_k,
        figures: *figures,
        compute_seconds,
        bytes,
        compression: compression::judge(&schemes),
        schemes,
    })
}

/// Every scheme that these bytes allow, with its speed-up over the first.
fn predict(bytes: &Bytes, devices: u32, figures: &Figures, compute_seconds: f64) -> Vec<Prediction> {
    let stages = |scheme: Scheme| scheme.stages(bytes, devices, figures, compute_seconds);
    let mut done: Vec<Prediction> = Scheme::ALL
        .into_iter()
        .filter_map(|scheme| Some(Prediction::of(scheme, stages(scheme)?, bytes.parameters)))
        .collect();
    let baseline = done[0].seconds;
    for prediction in &mut done {
        prediction.speed_up = baseline / prediction.seconds;
    }
    done
}
