//! Whether compressing the gradients pays.

use super::scheme::{Scheme, DECOMPRESS, GRADIENTS_DOWN, READ};
use super::stage::Prediction;
use serde::Serialize;

/// The least part of a step that has to be saved: below it, the model is not that good, and compression costs accuracy.
const LEAST_SAVED: f64 = 0.01;

/// A scheme with compressed gradients beside the same without.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compression {
    /// The scheme with compression.
    pub scheme: Scheme,
    /// The one without.
    pub without: Scheme,
    /// Seconds a step that it saves; below 0 it costs.
    pub saved_seconds: f64,
    /// The part of a step that is.
    pub saved: f64,
    /// Whether at least a hundredth of a step is saved.
    pub pays: bool,
    /// Why, in a sentence; its percentages are of the step without.
    pub why: String,
}

/// Compares each scheme that compresses with the same without. Choosing the largest elements is not counted: no paper says
/// what it takes the GPU.
pub(super) fn judge(predictions: &[Prediction]) -> Vec<Compression> {
    let find = |scheme| predictions.iter().find(|prediction| prediction.scheme == scheme);
    [(Scheme::SmartComp, Scheme::SmartUpdateHandler), (Scheme::NearfieldTopK, Scheme::Nearfield)]
        .into_iter()
        .filter_map(|(scheme, without)| Some(compare(find(scheme)?, find(without)?)))
        .collect()
}

fn compare(with: &Prediction, without: &Prediction) -> Compression {
    let saved_seconds = without.seconds - with.seconds;
    let saved = saved_seconds / without.seconds;
    let transfers = |p: &Prediction| p.stage_seconds(GRADIENTS_DOWN) + p.stage_seconds(READ);
    let moved = transfers(without) - transfers(with);
    let decompress = with.stage_seconds(DECOMPRESS);
    let pays = saved >= LEAST_SAVED;
    let part = |seconds: f64| 100.0 * seconds / without.seconds;
    let transfer = match moved > 0.0 {
        true => format!("moving gradients takes {:.1} % less", part(moved)),
        false => format!("moving gradients takes {:.1} % more", part(-moved)),
    };
    let why = match (pays, decompress > 0.0) {
        (_, true) => format!("{transfer}, decompressing them {:.1} % more", part(decompress)),
        (true, false) => transfer,
        (false, false) => format!("{transfer}, and {} binds", with.binds),
    };
    Compression { scheme: with.scheme, without: without.scheme, saved_seconds, saved, pays, why }
}
