//! What a run is made of, and the record by which it is found again.

use super::random::{generator, Purpose};
use super::text::window;
use super::{Shape, ShapeError, Text, TextError, Window};
use crate::store::OptimizerEntry;
use nearfield_model::optimizer::{adamw, Hyper, HyperError, Optimizer};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Steps in which the learning rate rises, or a tenth of all steps where that is less.
const WARM_UP: u64 = 100;
/// The part of the learning rate that is left at the end.
const LAST: f64 = 0.1;
/// Memory that no run is begun with, in GiB.
const MOST_GIB: u128 = 64;
const FORMAT: &str = "nearfield-lm";
/// Counted up when a run with the same options has other results.
const VERSION: u32 = 1;

/// Everything that decides a run besides its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The model's widths.
    pub shape: Shape,
    /// Windows of the text that a step sees.
    pub batch: usize,
    /// Steps of the run; the learning rate falls towards the last of them.
    pub steps: u64,
    /// Decides initial parameters and windows.
    pub seed: u64,
    /// The optimizer, with the highest learning rate.
    pub hyper: Hyper,
    /// Gradients with a larger norm than this are scaled down to it.
    pub clip_norm: f32,
}

impl Default for Options {
    /// What gets below the trigram in the time that `docs/lm.md` says.
    fn default() -> Options {
        let hyper = Options::default_hyper(Optimizer::AdamW);
        Options { shape: Shape::default(), batch: 8, steps: 1000, seed: 1, hyper, clip_norm: 1.0 }
    }
}

impl Options {
    /// An optimizer's hyper-parameters for these models. AdamW's were tried, as `docs/lm.md` says; those of the others are
    /// the optimizer's own but for the learning rate of Lion, a tenth of AdamW's (Chen et al., 2023).
    pub fn default_hyper(optimizer: Optimizer) -> Hyper {
        match optimizer {
            Optimizer::AdamW => {
                Hyper::AdamW(adamw::Hyper { lr: 1.5e-3, beta2: 0.99, weight_decay: 0.1, ..adamw::Hyper::default() })
            }
            Optimizer::Lion => Hyper::of(optimizer).with_lr(1e-4),
            _ => Hyper::of(optimizer),
        }
    }
}

/// Options that no run is done with.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The widths.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The optimizer.
    #[error(transparent)]
    Hyper(#[from] HyperError),
    /// The model does not fit a machine.
    #[error("the run takes {gib} GiB of memory, more than {MOST_GIB}; choose a smaller model, context or batch")]
    Memory {
        /// What it takes.
        gib: u128,
    },
    /// A number is out of bounds.
    #[error("{what} is {value}; choose {choose}")]
    Bounds {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: String,
        /// What it can be.
        choose: &'static str,
    },
}

/// A record that a run cannot go on from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is that of another program, of another version of this one, or damaged.
    #[error("the state was not left by this version of `lm train`; choose another place for this run")]
    Foreign,
    /// It is that of another run.
    #[error(
        "the state is that of a run with another {what} ({theirs}, here {ours}); repeat that run's options, or choose another \
         place for this one"
    )]
    Other {
        /// What differs first.
        what: &'static str,
        /// What it is in the record.
        theirs: String,
        /// What it is here.
        ours: String,
    },
    /// It does not say the step that the state is at.
    #[error(
        "the state is at step {state}, its record at step {record}: they do not belong together; begin again elsewhere"
    )]
    Step {
        /// Steps of the state.
        state: u64,
        /// Steps in the record.
        record: u64,
    },
}

/// A run's options with its text: checked, and all that decides it.
pub struct Plan<'t> {
    options: Options,
    text: &'t Text,
    identity: Identity,
}

/// What makes a run another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    shape: Shape,
    batch: usize,
    steps: u64,
    seed: u64,
    optimizer: OptimizerEntry,
    clip_norm: f32,
    text_bytes: usize,
    text_crc32: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: String,
    version: u32,
    step: u64,
    run: Identity,
}

impl<'t> Plan<'t> {
    /// Checks options and text.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(options: Options, text: &'t Text) -> Result<Plan<'t>, PlanError> {
        let Options { shape, batch, steps, seed, hyper, clip_norm } = options;
        shape.check()?;
        text.check(shape.context)?;
        // The first step has the largest coefficients of all, if it were done with the highest rate.
        hyper.coefficients(&hyper.next(&hyper.powers()))?;
        let bounds = |what, value: String, choose| Err(PlanError::Bounds { what, value, choose });
        if !(1..=4096).contains(&batch) {
            return bounds("the batch", batch.to_string(), "1 to 4096 windows");
        }
        let gib = shape.values(batch) >> 28;
        if gib > MOST_GIB {
            return Err(PlanError::Memory { gib });
        }
        if !(1..=1_000_000_000).contains(&steps) {
            return bounds("the number of steps", steps.to_string(), "1 to 1000000000");
        }
        if !(clip_norm > 0.0 && clip_norm.is_finite()) {
            return bounds("the largest norm", clip_norm.to_string(), "a finite number above 0");
        }
        let (optimizer, text_bytes, text_crc32) = (OptimizerEntry::of(&hyper), text.len(), text.checksum());
        let identity = Identity { shape, batch, steps, seed, optimizer, clip_norm, text_bytes, text_crc32 };
        Ok(Plan { options, text, identity })
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The text.
    pub fn text(&self) -> &'t Text {
        self.text
    }

    /// Parameters before the first step.
    pub fn initial_parameters(&self) -> Vec<f32> {
        self.options.shape.initial_parameters(&mut generator(self.options.seed, Purpose::Initialization))
    }

    /// The windows of a step, counted from 0: anywhere in the training part, with repetition.
    pub fn windows(&self, step: u64) -> Vec<Window<'t>> {
        let Options { shape, batch, seed, .. } = self.options;
        let training = self.text.training();
        let mut chance = generator(seed, Purpose::Batch { step });
        // As u64: what is drawn does not depend on how wide the machine counts.
        let places = (training.len() - shape.context) as u64;
        (0..batch).map(|_| window(training, chance.random_range(0..places) as usize, shape.context)).collect()
    }

    /// The learning rate of a step, counted from 0: it rises in a line, then falls along half a cosine to a tenth.
    pub fn lr(&self, step: u64) -> f64 {
        let Options { steps, hyper, .. } = self.options;
        let warm_up = WARM_UP.min(steps / 10);
        if step < warm_up {
            return hyper.lr() * (step + 1) as f64 / warm_up as f64;
        }
        let way = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
        // Rounded, because the cosine of C libraries differs in its last digits.
        let factor = LAST + (1.0 - LAST) * (0.5 + 0.5 * (PI * way).cos());
        hyper.lr() * ((factor * 1e9).round() / 1e9)
    }

    /// What is kept with the state after so many steps. Chance needs no state: a step's windows follow from the seed and its number.
    pub fn record(&self, step: u64) -> Vec<u8> {
        let record = Record { format: FORMAT.into(), version: VERSION, step, run: self.identity.clone() };
        serde_json::to_vec(&record).expect("a record has no map and no NaN")
    }

    /// Checks that a state at `steps` with this record is one of this run.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn check(&self, steps: u64, record: &[u8]) -> Result<(), RecordError> {
        let Record { format, version, step, run } = serde_json::from_slice(record).map_err(|_| RecordError::Foreign)?;
        if format != FORMAT || version != VERSION {
            return Err(RecordError::Foreign);
        }
        let ours = &self.identity;
        let differs = |what, theirs: &dyn ToString, ours: &dyn ToString| {
            let (theirs, ours) = (theirs.to_string(), ours.to_string());
            if theirs == ours {
                Ok(())
            } else {
                Err(RecordError::Other { what, theirs, ours })
            }
        };
        differs("number of layers", &run.shape.layers, &ours.shape.layers)?;
        differs("width", &run.shape.width, &ours.shape.width)?;
        differs("number of heads", &run.shape.heads, &ours.shape.heads)?;
        differs("context", &run.shape.context, &ours.shape.context)?;
        differs("batch", &run.batch, &ours.batch)?;
        differs("number of steps", &run.steps, &ours.steps)?;
        differs("seed", &run.seed, &ours.seed)?;
        differs("largest norm", &run.clip_norm, &ours.clip_norm)?;
        differs("optimizer", &format!("{:?}", run.optimizer), &format!("{:?}", ours.optimizer))?;
        let text = |run: &Identity| format!("{} bytes, CRC-32 {:08x}", run.text_bytes, run.text_crc32);
        differs("text", &text(&run), &text(ours))?;
        if step != steps {
            return Err(RecordError::Step { state: steps, record: step });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options { shape: Shape { layers: 1, width: 8, heads: 2, context: 8 }, batch: 4, ..Options::default() }
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let text = Text::embedded();
        let plan = Plan::new(options(), &text).unwrap();
        let rates = [0, 49, 99, 100, 549, 550, 999].map(|step| plan.lr(step) * 1e3);
        let expected = [0.015, 0.75, 1.5, 1.5, 0.825, 0.825, 0.15];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 2e-3), "{rates:?}");
        let short = Plan::new(Options { steps: 1, ..options() }, &text).unwrap();
        assert_eq!(short.lr(0), 1.5e-3);
    }

    #[test]
    fn windows_follow_from_seed_and_step() {
        let text = Text::embedded();
        let plan = Plan::new(options(), &text).unwrap();
        let windows = plan.windows(3);
        assert_eq!(windows.len(), 4);
        assert!(windows.iter().all(|window| window.inputs[1..] == window.targets[..7]));
        assert_eq!(windows, plan.windows(3));
        assert_ne!(windows, plan.windows(4));
        assert_ne!(windows, Plan::new(Options { seed: 2, ..options() }, &text).unwrap().windows(3));
        // A training part with place for one window only.
        let text = Text::new("short", (0..90).collect());
        let plan = Plan::new(options(), &text).unwrap();
        assert!((0..50).all(|step| plan.windows(step).iter().all(|window| window.targets[7] < 81)));
    }

    #[test]
    fn a_record_is_found_again_and_another_runs_is_refused() {
        let (text, other) = (Text::embedded(), Text::new("other", b"another text".repeat(20)));
        let plan = Plan::new(options(), &text).unwrap();
        let record = plan.record(5);
        assert_eq!(plan.check(5, &record), Ok(()));
        assert_eq!(plan.check(6, &record), Err(RecordError::Step { state: 6, record: 5 }));
        for broken in [&b""[..], b"{}", &record[1..]] {
            assert_eq!(plan.check(5, broken), Err(RecordError::Foreign));
        }
        let Hyper::AdamW(hyper) = options().hyper else { panic!("the default is AdamW") };
        let shape = options().shape;
        for (what, options, text) in [
            ("width", Options { shape: Shape { width: 16, ..shape }, ..options() }, &text),
            ("context", Options { shape: Shape { context: 4, ..shape }, ..options() }, &text),
            ("batch", Options { batch: 5, ..options() }, &text),
            ("number of steps", Options { steps: 5, ..options() }, &text),
            ("seed", Options { seed: 5, ..options() }, &text),
            ("optimizer", Options { hyper: Hyper::AdamW(adamw::Hyper { lr: 5.0, ..hyper }), ..options() }, &text),
            ("largest norm", Options { clip_norm: 5.0, ..options() }, &text),
            ("text", options(), &other),
        ] {
            let refused = Plan::new(options, text).unwrap().check(5, &record).unwrap_err();
            assert!(matches!(&refused, RecordError::Other { what: found, .. } if *found == what), "{what}: {refused}");
        }
    }

    #[test]
    fn options_that_no_run_is_done_with_are_refused() {
        let text = Text::embedded();
        let refused = |options| Plan::new(options, &text).err().unwrap().to_string();
        assert!(refused(Options { batch: 0, ..options() }).contains("the batch is 0"));
        assert!(refused(Options { steps: 0, ..options() }).contains("the number of steps is 0"));
        assert!(refused(Options { clip_norm: f32::NAN, ..options() }).contains("the largest norm is NaN"));
        assert!(refused(Options { hyper: options().hyper.with_lr(1e38), ..options() }).contains("lr"));
        let large = Shape { layers: 100, width: 8192, heads: 8, context: 8 };
        assert!(refused(Options { shape: large, ..options() }).starts_with("the run takes 1203 GiB of memory"));
        let short = Text::new("short", vec![0; 9]);
        assert!(matches!(Plan::new(options(), &short), Err(PlanError::Text(TextError::Short { .. }))));
    }
}
