//! Every optimizer, gradient format and half copy once, against the specification.

use super::{not_done, outcome_of, skipped, Case, Check, Trouble};
use crate::device::{Device, Tensors};
use crate::gradients::{GradientRun, HalfCopy, HalfFormat};
use crate::step::step;
use crate::topk::{Kept, ValueFormat};
use nearfield_model::optimizer::adamw;
use nearfield_model::optimizer::{Coefficients, Hyper, Optimizer};

/// Two chunks of a Top-K stream, and an odd number of half beats.
const ELEMENTS: u32 = 66_001;
/// What gradients are multiplied by: no power of two, so that the product rounds.
const SCALE: f32 = 0.3;

/// A check: what it steps with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Formats {
    optimizer: Optimizer,
    values: ValueFormat,
    topk: bool,
    half: Option<HalfFormat>,
}

/// Each optimizer, format and copy at least once.
pub(super) fn all() -> Vec<Formats> {
    use {HalfFormat::*, ValueFormat as Values};
    let row = |optimizer, values, topk, half| Formats { optimizer, values, topk, half };
    vec![
        row(Optimizer::AdamW, Values::Fp16, false, Some(Fp16)),
        row(Optimizer::Adam, Values::Bf16, false, Some(Bf16)),
        row(Optimizer::Adagrad, Values::Fp32, true, None),
        row(Optimizer::Lion, Values::Fp16, true, Some(Bf16)),
        row(Optimizer::Sgd, Values::Bf16, true, Some(Fp16)),
        row(Optimizer::AdamW, Values::Fp32, true, Some(Bf16)),
    ]
}

impl Formats {
    pub(super) fn name(&self) -> String {
        let Formats { optimizer, values, topk, half } = self;
        let sparse = if *topk { "topk-" } else { "" };
        let copy = half.map_or_else(|| "no half copy".into(), |half| format!("half copy {half}"));
        format!("a step of {optimizer}, gradients {sparse}{values}, {copy}")
    }

    /// The step; also whether the device is gone.
    pub(super) fn check(&self, device: &mut dyn Device) -> (Check, bool) {
        let mut cycles = None;
        if let Some(why) = not_done(device, self.optimizer) {
            return (skipped(self.name(), &why), false);
        }
        let (outcome, gone) = outcome_of(self.compare(device, &mut cycles));
        (Check { name: self.name(), outcome, cycles }, gone)
    }

    fn compare(&self, device: &mut dyn Device, cycles: &mut Option<u64>) -> Result<(), Trouble> {
        let case = Case { elements: ELEMENTS, hyper: adamw::Hyper::default(), seed: 99 };
        let hyper = Hyper::of(self.optimizer);
        let k = hyper.coefficients(&hyper.next(&hyper.powers()));
        let k = k.map_err(|error| Trouble::Differs(error.to_string()))?;
        let dense = case.gradients(1);
        let mut kept = Kept::default();
        dense.iter().enumerate().step_by(7).for_each(|(i, &g)| kept.push(i as u64, g));
        let run = match self.topk {
            false => GradientRun::dense(&dense, self.values),
            true => GradientRun::top_k(u64::from(ELEMENTS), self.values, &kept)
                .map_err(|error| Trouble::Differs(error.to_string()))?,
        };
        let grads = run.parts()[0];
        let [params, first, second] = case.begin();
        let begin = [params, first, second];
        let runs = 1 + hyper.states().len();
        let mut found: Vec<Vec<f32>> = begin[..runs].to_vec();
        let mut copy = vec![0; ELEMENTS as usize];
        let half = self.half.map(|format| HalfCopy { format, into: &mut copy });
        if let Some((params, states)) = found.split_first_mut() {
            let states = states.iter_mut().map(Vec::as_mut_slice).collect();
            let report = step(device, &k, SCALE, Tensors { params, states, grads, half }, &mut |_| ())?;
            *cycles = report.cycles;
        }
        let expected = specified(&k, &begin[..runs], &grads.widened());
        let names = ["params"].into_iter().chain(hyper.states().iter().copied());
        for (name, (found, expected)) in names.zip(found.iter().zip(&expected)) {
            differs(name, found, expected)?;
        }
        let rounded: Vec<u16> =
            self.half.map_or(copy.clone(), |format| expected[0].iter().map(|&p| format.round(p)).collect());
        match copy.iter().zip(&rounded).position(|(found, expected)| found != expected) {
            None => Ok(()),
            Some(at) => {
                let (found, expected) = (copy[at], rounded[at]);
                Err(Trouble::Differs(format!("half[{at}] is {found:#06x} and not {expected:#06x}")))
            }
        }
    }
}

/// What the specification makes of it.
fn specified(k: &Coefficients, begin: &[Vec<f32>], grads: &[f32]) -> Vec<Vec<f32>> {
    let scaled: Vec<f32> = grads.iter().map(|g| g * SCALE).collect();
    let mut runs = begin.to_vec();
    if let Some((params, states)) = runs.split_first_mut() {
        let mut states: Vec<&mut [f32]> = states.iter_mut().map(Vec::as_mut_slice).collect();
        k.step(params, &mut states, &scaled);
    }
    runs
}

/// One NaN is as good as another.
fn differs(name: &str, found: &[f32], expected: &[f32]) -> Result<(), Trouble> {
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    match found.iter().zip(expected).position(|(&found, &expected)| !same(found, expected)) {
        None => Ok(()),
        Some(at) => {
            let (found, expected) = (found[at].to_bits(), expected[at].to_bits());
            Err(Trouble::Differs(format!("{name}[{at}] is {found:#010x} and not {expected:#010x}")))
        }
    }
}
