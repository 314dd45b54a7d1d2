//! The manifest: `manifest.toml`.

use nearfield_model::optimizer::adamw::Hyper;
use nearfield_model::optimizer::BetaPowers;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The first line of every manifest.
const FORMAT: &str = "nearfield-store";
/// Counted up when the meaning of a store changes.
const VERSION: u32 = 1;
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
    /// The tensors in the order in which they lie in the flat runs.
    pub tensors: Vec<TensorEntry>,
}

/// An optimizer with its hyper-parameters as they were typed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerEntry {
    /// AdamW.
    AdamW {
        /// Learning rate.
        lr: f64,
        /// beta1.
        beta1: f64,
        /// beta2.
        beta2: f64,
        /// eps.
        eps: f64,
        /// Weight decay.
        weight_decay: f64,
        /// Whether bias is corrected.
        bias_correction: bool,
    },
}

impl OptimizerEntry {
    /// The hyper-parameters.
    pub fn hyper(&self) -> Hyper {
        let OptimizerEntry::AdamW { lr, beta1, beta2, eps, weight_decay, bias_correction } = *self;
        Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction }
    }
}

/// How far training has come. The running products are kept, because a power recomputed on resume differs from them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// f32 product of beta1, `step` times.
    pub beta1_t: f32,
    /// f32 product of beta2, `step` times.
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

impl Manifest {
    /// Of a new store.
    pub(super) fn new(tensors: Vec<TensorEntry>, hyper: &Hyper) -> Manifest {
        let Hyper { lr, beta1, beta2, eps, weight_decay, bias_correction } = *hyper;
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            generation: 0,
            optimizer: OptimizerEntry::AdamW { lr, beta1, beta2, eps, weight_decay, bias_correction },
            progress: Progress::of(&hyper.powers()),
            tensors,
        }
    }

    /// After a step: the other set of files counts.
    pub(super) fn after(&self, powers: &BetaPowers) -> Manifest {
        Manifest { generation: 1 - self.generation, progress: Progress::of(powers), ..self.clone() }
    }

    /// Elements of a flat run, or `None` if they do not fit a file.
    pub fn elements(&self) -> Option<u64> {
        let sum = self.tensors.iter().try_fold(0u64, |sum, t| sum.checked_add(t.elements()?))?;
        // Bytes are counted in 64 bits, and offsets of files in 63.
        (sum < 1 << 61).then_some(sum)
    }

    /// Parses and checks a manifest; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Manifest, String> {
        let manifest: Manifest = toml::from_str(text).map_err(|e| e.to_string().trim_end().replace('\n', " "))?;
        if manifest.format != FORMAT {
            return Err(format!("its format is not {FORMAT}"));
        }
        if manifest.version != VERSION {
            return Err(format!("it has version {}, but this program knows version {VERSION}", manifest.version));
        }
        if manifest.generation > 1 {
            return Err(format!("its generation is {}, but must be 0 or 1", manifest.generation));
        }
        manifest.optimizer.hyper().check().map_err(|e| e.to_string())?;
        if manifest.progress.step >= STEPS {
            return Err(format!("its step is {}, but must be less than {STEPS}", manifest.progress.step));
        }
        for product in [manifest.progress.beta1_t, manifest.progress.beta2_t] {
            if !(0.0..=1.0).contains(&product) {
                return Err(format!("a beta product is {product}, but must be 0 to 1"));
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
