//! A generation: a state of the whole store as the manifest tells of it.

use super::{state_series, Series};
use nearfield_model::optimizer::{BetaPowers, Hyper};
use nearfield_model::scale::{LossScale, GROWTH_INTERVAL};
use serde::{Deserialize, Serialize};

/// More steps than any run has; up to here f64, in which powers of the betas are computed, counts exactly.
pub const STEPS: u64 = 1 << 53;
/// The most bytes of a caller's record.
pub const RECORD_BYTES: usize = 1 << 16;

/// A state of the whole store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Which of the two sets of files it is in: 0 or 1.
    pub set: u8,
    /// The checksum of each device's part.
    pub parts: Vec<u32>,
    /// A caller's record, in hexadecimal: random state, position in the data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) record: String,
    /// How far training has come.
    pub progress: Progress,
    /// The dynamic loss scale, if one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScaleEntry>,
    /// What steps have not sent of their gradients, if they keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<ResidualEntry>,
}

/// How far training has come. The running products are kept, because a power recomputed on resume differs from them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// f32 product of beta1, `step` times; 1 of an optimizer that corrects no bias.
    pub beta1_t: f32,
    /// f32 product of beta2, `step` times; 1 likewise.
    pub beta2_t: f32,
}

impl Progress {
    /// Of the products of a step.
    pub fn of(powers: &BetaPowers) -> Progress {
        Progress { step: powers.step, beta1_t: powers.beta1_t, beta2_t: powers.beta2_t }
    }

    /// After `step` steps of which the products are not known: powers, as DeepSpeed computes them when it resumes.
    pub fn at(step: u64, hyper: &Hyper) -> Progress {
        let start = hyper.powers();
        Progress::of(&start.at(step, start.beta1.into(), start.beta2.into()))
    }

    /// The products, with the betas they are products of.
    pub fn powers(&self, hyper: &Hyper) -> BetaPowers {
        BetaPowers { step: self.step, beta1_t: self.beta1_t, beta2_t: self.beta2_t, ..hyper.powers() }
    }
}

/// A dynamic loss scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScaleEntry {
    /// What the next gradients are multiplied by.
    pub scale: f32,
    /// Steps in a row that were not skipped.
    pub good_steps: u32,
}

impl From<LossScale> for LossScaleEntry {
    fn from(LossScale { scale, good_steps }: LossScale) -> LossScaleEntry {
        LossScaleEntry { scale, good_steps }
    }
}

impl From<LossScaleEntry> for LossScale {
    fn from(LossScaleEntry { scale, good_steps }: LossScaleEntry) -> LossScale {
        LossScale { scale, good_steps }
    }
}

/// What steps have not sent of their gradients: the residual of error feedback. Two generations have the same one where the later step left it
/// as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualEntry {
    /// Which of the two sets of files it is in.
    pub set: u8,
    /// The checksum of each device's part.
    pub parts: Vec<u32>,
    /// The step that left it.
    pub step: u64,
    /// What that step's gradients were multiplied by: the residual too has this scale.
    pub scale: f32,
}

/// Files that a generation consists of.
pub(super) struct FileSet<'a> {
    pub series: Series,
    pub set: u8,
    /// The step that wrote them.
    pub step: u64,
    /// The checksum of each device's part.
    pub parts: &'a [u32],
}

impl Generation {
    /// Its files: the state, then the residual if there is one.
    pub(super) fn file_sets(&self, hyper: &Hyper) -> Vec<FileSet<'_>> {
        let Generation { set, parts, progress, .. } = self;
        let mut sets = vec![FileSet { series: state_series(hyper), set: *set, step: progress.step, parts }];
        if let Some(ResidualEntry { set, parts, step, .. }) = &self.residual {
            sets.push(FileSet { series: Series::residual(), set: *set, step: *step, parts });
        }
        sets
    }

    /// The record that came with it.
    pub fn record(&self) -> Vec<u8> {
        let digits = self.record.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
        digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    }

    pub(super) fn check(&self, hyper: &Hyper, devices: usize) -> Result<(), String> {
        if self.parts.len() != devices {
            return Err(format!("a generation has {} parts, but there are {devices} devices", self.parts.len()));
        }
        if self.progress.step >= STEPS {
            return Err(format!("its step is {}, but must be less than {STEPS}", self.progress.step));
        }
        for product in [self.progress.beta1_t, self.progress.beta2_t] {
            if !(0.0..=1.0).contains(&product) {
                return Err(format!("a beta product is {product}, but must be 0 to 1"));
            }
        }
        let products = self.progress.powers(hyper);
        if products.beta1 == 1.0 && (products.beta1_t, products.beta2_t) != (1.0, 1.0) {
            return Err(format!("its beta products are not 1, but {} corrects no bias", hyper.optimizer()));
        }
        if let Some(LossScaleEntry { scale, good_steps }) = self.loss_scale {
            if !scale.is_normal() || scale < 0.0 || good_steps >= GROWTH_INTERVAL {
                return Err(format!("its loss scale is {scale} after {good_steps} steps, which no run leads to"));
            }
        }
        if let Some(ResidualEntry { set, parts, step, scale }) = &self.residual {
            let written = *set < 2 && parts.len() == devices && *step <= self.progress.step;
            if !written || !scale.is_normal() || *scale < 0.0 {
                return Err("its residual is none that a run leads to".into());
            }
        }
        let digits = self.record.len() <= 2 * RECORD_BYTES && self.record.len().is_multiple_of(2);
        if !digits || !self.record.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!("its record is not at most {RECORD_BYTES} bytes in hexadecimal"));
        }
        Ok(())
    }
}
