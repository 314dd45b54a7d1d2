//! The manifest: `manifest.toml`.

use super::OptimizerEntry;
use nearfield_model::optimizer::{BetaPowers, Hyper, Optimizer};
use nearfield_model::scale::{LossScale, GROWTH_INTERVAL};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The first line of every manifest.
const FORMAT: &str = "nearfield-store";
/// Counted up when the meaning of a store changes. Version 1 had only AdamW, and says of it what version 2 says; version 2 had no
/// loss scale.
const VERSION: u32 = 3;
/// The oldest version that is read.
const OLDEST: u32 = 1;
/// More steps than any run has; up to here f64, in which powers of the betas are computed, counts exactly.
const STEPS: u64 = 1 << 53;

/// What a store's files are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u32,
    /// Which of the two sets of files counts: 0 or 1.
    pub generation: u8,
    /// The optimizer and its hyper-parameters.
    pub optimizer: OptimizerEntry,
    /// How far training has come.
    pub progress: Progress,
    /// The dynamic loss scale, if one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScaleEntry>,
    /// The tensors in the order in which they lie in the flat runs.
    pub tensors: Vec<TensorEntry>,
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

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    /// Its name, any text.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

impl TensorEntry {
    /// Number of elements, or `None` if it does not fit 64 bits.
    pub fn elements(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d))
    }
}

/// The pieces of a flat run that belong to each tensor, in the tensors' order.
pub fn by_tensor<'a, T>(tensors: &'a [TensorEntry], run: &'a [T]) -> impl Iterator<Item = (&'a TensorEntry, &'a [T])> {
    let mut rest = run;
    tensors.iter().map(move |tensor| {
        let (here, after) = rest.split_at(tensor.elements().unwrap_or(0) as usize);
        rest = after;
        (tensor, here)
    })
}

/// What the manifests of all versions have.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl Manifest {
    /// Of a new store.
    pub(super) fn new(tensors: Vec<TensorEntry>, hyper: &Hyper) -> Manifest {
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            generation: 0,
            optimizer: OptimizerEntry::of(hyper),
            progress: Progress::of(&hyper.powers()),
            loss_scale: None,
            tensors,
        }
    }

    /// After a step: the other set of files counts.
    pub(super) fn after(&self, powers: &BetaPowers, loss_scale: Option<LossScale>) -> Manifest {
        let loss_scale = loss_scale.map(LossScaleEntry::from).or(self.loss_scale);
        Manifest { generation: 1 - self.generation, progress: Progress::of(powers), loss_scale, ..self.clone() }
    }

    /// Elements of a flat run, or `None` if they do not fit a file.
    pub fn elements(&self) -> Option<u64> {
        let sum = self.tensors.iter().try_fold(0u64, |sum, t| sum.checked_add(t.elements()?))?;
        // Bytes are counted in 64 bits, and offsets of files in 63.
        (sum < 1 << 61).then_some(sum)
    }

    /// Parses and checks a manifest; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Manifest, String> {
        let told = |e: toml::de::Error| e.to_string().trim_end().replace('\n', " ");
        // Looked at first: what a later version says otherwise is not for this program to judge.
        let Head { format, version } = toml::from_str(text).map_err(told)?;
        if format != FORMAT {
            return Err(format!("its format is not {FORMAT}"));
        }
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(format!("it has version {version}, but this program knows versions {OLDEST} to {VERSION}"));
        }
        let manifest = Manifest { version: VERSION, ..toml::from_str(text).map_err(told)? };
        if manifest.generation > 1 {
            return Err(format!("its generation is {}, but must be 0 or 1", manifest.generation));
        }
        let hyper = manifest.optimizer.hyper();
        hyper.check().map_err(|e| e.to_string())?;
        if version == 1 && hyper.optimizer() != Optimizer::AdamW {
            return Err(format!("it has version 1, which had no optimizer {}", hyper.optimizer()));
        }
        if manifest.progress.step >= STEPS {
            return Err(format!("its step is {}, but must be less than {STEPS}", manifest.progress.step));
        }
        for product in [manifest.progress.beta1_t, manifest.progress.beta2_t] {
            if !(0.0..=1.0).contains(&product) {
                return Err(format!("a beta product is {product}, but must be 0 to 1"));
            }
        }
        let products = manifest.progress.powers(&hyper);
        if products.beta1 == 1.0 && (products.beta1_t, products.beta2_t) != (1.0, 1.0) {
            return Err(format!("its beta products are not 1, but {} corrects no bias", hyper.optimizer()));
        }
        if let Some(LossScaleEntry { scale, good_steps }) = manifest.loss_scale {
            if !scale.is_normal() || scale < 0.0 || good_steps >= GROWTH_INTERVAL {
                return Err(format!("its loss scale is {scale} after {good_steps} steps, which no run leads to"));
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = manifest.tensors.iter().find(|t| !names.insert(&t.name)) {
            return Err(format!("the tensor {:?} occurs twice", twice.name));
        }
        if manifest.elements().is_none() {
            return Err("its tensors have more elements than a file can hold".into());
        }
        Ok(manifest)
    }
}
