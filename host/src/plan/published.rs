//! What Smart-Infinity published, and how far the model lies from it.
//!
//! Source: Smart-Infinity (HPCA 2024; arXiv 2403.06664), section VII: GPT-2 and BERT with 4.0 to 33.0 billion parameters,
//! Adam, an A5000, batch size 4, SmartSSDs behind one PCIe expansion; compression keeps 1 % of the gradients.

use super::figures::{Figures, PUBLISHED};
use super::scheme::{Scheme, GRADIENTS_DOWN};
use super::{plan, predict, Bytes, PlanError, Workload};
use nearfield_model::optimizer::Optimizer;
use serde::Serialize;

/// The part of an iteration that is the update: GPT-2 8.4B with ZeRO-Infinity on [`SHARE_DEVICES`] drives (section VII-C).
const UPDATE_SHARE: f64 = 0.7557;
const SHARE_DEVICES: u32 = 6;
const SHARE_PARAMETERS: u64 = 8_400_000_000;
/// States of Adam.
const ADAM_STATES: u64 = 2;

/// A published speed-up of training over ZeRO-Infinity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpeedUp {
    /// The scheme, this project's name for it.
    pub scheme: Scheme,
    /// Drives.
    pub devices: u32,
    /// Parameters of the model; speed-ups hardly depend on it.
    pub parameters: u64,
    /// The lowest and the highest over the models.
    pub range: (f64, f64),
    /// Where it stands.
    pub source: &'static str,
}

/// Every speed-up that the paper's text gives for training with Adam on an A5000.
pub const SPEED_UPS: &[SpeedUp] = &[
    of_small(Scheme::SmartUpdate, 6, (1.18, 1.24)),
    of_small(Scheme::SmartUpdate, 10, (1.54, 1.60)),
    of_small(Scheme::SmartUpdateHandler, 10, (1.60, 1.66)),
    of_small(Scheme::SmartComp, 10, (1.85, 1.98)),
    of_large(6, 1.37),
    of_large(10, 1.88),
];

const fn of_small(scheme: Scheme, devices: u32, range: (f64, f64)) -> SpeedUp {
    SpeedUp { scheme, devices, parameters: SHARE_PARAMETERS, range, source: "VII-C, Fig. 9" }
}

const fn of_large(devices: u32, speed_up: f64) -> SpeedUp {
    let parameters = 33_000_000_000;
    let range = (speed_up, speed_up);
    SpeedUp { scheme: Scheme::SmartComp, devices, parameters, range, source: "VII-D, Fig. 10" }
}

/// A published speed-up beside the predicted one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// What was published.
    #[serde(flatten)]
    pub published: SpeedUp,
    /// What the model says.
    pub predicted: f64,
    /// How far that is from the middle of the range, as a part of it.
    pub error: f64,
    /// How far from the end of the range that is farther away.
    pub worst_error: f64,
}

/// Seconds of forward and backward a parameter, without moving gradients, on the published machine.
///
/// The paper gives the update's share of an iteration, so forward, backward and the gradients' way down are the rest of it;
/// the model itself says how long the update and that way take.
pub fn compute_seconds_per_parameter() -> f64 {
    compute_seconds_with(&PUBLISHED[0].figures)
}

/// The same if that machine had other figures.
fn compute_seconds_with(figures: &Figures) -> f64 {
    let bytes = Bytes::of(SHARE_PARAMETERS, ADAM_STATES, None);
    let baseline = &predict(&bytes, SHARE_DEVICES, figures, 0.0)[0];
    let rest = baseline.update_seconds * (1.0 - UPDATE_SHARE) / UPDATE_SHARE;
    (rest - baseline.stage_seconds(GRADIENTS_DOWN)) / SHARE_PARAMETERS as f64
}

/// Predicts every published speed-up, if the published machine had these figures.
///
/// # Errors
///
/// None with the workloads there are; [`PlanError`] is passed on.
pub fn compare(figures: &Figures) -> Result<Vec<Compared>, PlanError> {
    SPEED_UPS.iter().map(|published| compare_one(published, figures)).collect()
}

fn compare_one(published: &SpeedUp, figures: &Figures) -> Result<Compared, PlanError> {
    let SpeedUp { scheme, devices, parameters, range: (low, high), .. } = *published;
    let compute_seconds = Some(compute_seconds_with(figures) * parameters as f64);
    let workload = Workload { parameters, devices, optimizer: Optimizer::Adam, top_k: Some(0.01), compute_seconds };
    let planned = plan(&workload, figures)?;
    let predicted = planned.schemes.iter().find(|p| p.scheme == scheme).map_or(f64::NAN, |p| p.speed_up);
    let away = |from: f64| predicted / from - 1.0;
    let worst_error = if away(low).abs() > away(high).abs() { away(low) } else { away(high) };
    Ok(Compared { published: *published, predicted, error: away((low + high) / 2.0), worst_error })
}
