//! An optimizer on a device, step after step, with its state and a second opinion on every step.

use crate::device::soft::Soft;
use crate::device::{Device, DeviceError, InPlace, Tensors};
use crate::gradients::Gradients;
use crate::step::{step, StepReport};
use crate::topk::Malformed;
use nearfield_model::optimizer::{BetaPowers, Coefficients, Hyper, HyperError};
use serde::Serialize;
use std::fmt;

/// What each step is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The `soft` device: what every other device is compared with.
    Soft,
    /// The specification, `nearfield_model::optimizer`: what `soft` is compared with.
    Specification,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reference::Soft => "soft",
            Reference::Specification => "the specification",
        })
    }
}

/// How many steps were compared. There is no count of differences: the first one ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What the steps were compared with.
    pub reference: Reference,
    /// Steps whose parameters and moments were the reference's, bit for bit.
    pub identical_steps: u64,
}

/// A step that failed or was not the reference's.
#[derive(Debug, thiserror::Error)]
pub enum OptimizerError {
    /// The device failed, or does not do this optimizer.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A coefficient of the step overflows f32.
    #[error(transparent)]
    Hyper(#[from] HyperError),
    /// The gradient's stream is broken.
    #[error("the gradient is not a valid Top-K stream: {0}")]
    Stream(#[from] Malformed),
    /// Some elements are not what the reference computed.
    #[error(
        "step {step}: {differing} of {elements} values of {tensor} differ from {reference}; the first is element \
         {element}: {} ({:#010x}) and not {} ({:#010x})",
        f32::from_bits(*found), found, f32::from_bits(*expected), expected
    )]
    Differs {
        /// Counted from 1.
        step: u64,
        /// `params`, or the name of a state.
        tensor: &'static str,
        /// Elements of the tensor.
        elements: usize,
        /// How many of them differ.
        differing: usize,
        /// The first that does.
        element: usize,
        /// Its bits on the device.
        found: u32,
        /// Its bits in the reference.
        expected: u32,
        /// What was compared with.
        reference: Reference,
    },
}

/// An optimizer's state for one flat run of parameters, and the device that does its steps.
pub struct Optimizer<'a> {
    device: &'a mut dyn Device,
    hyper: Hyper,
    powers: BetaPowers,
    /// In the order of [`Hyper::states`].
    states: Vec<Vec<f32>>,
    check: Option<Check>,
    report: StepReport,
}

impl<'a> Optimizer<'a> {
    /// The optimizer before its first step, for this many parameters.
    pub fn new(device: &'a mut dyn Device, hyper: Hyper, parameters: usize, check: bool) -> Optimizer<'a> {
        let check = check.then(|| Check::of(device));
        Optimizer {
            device,
            hyper,
            powers: hyper.powers(),
            states: vec![vec![0.0; parameters]; hyper.states().len()],
            check,
            report: StepReport::default(),
        }
    }

    /// One step of all parameters on the device, which gets the gradient in the format it has: a Top-K stream is not expanded.
    ///
    /// # Errors
    /// When the device does not do this optimizer or fails, when a coefficient overflows, or when a check was asked for and
    /// a bit differs. But for a refusal, parameters and state are then of no use.
    ///
    /// # Panics
    /// If `parameters` and `gradient` have another length than [`Optimizer::new`] was told.
    pub fn step<'g>(
        &mut self,
        parameters: &mut [f32],
        gradient: impl Into<Gradients<'g>>,
    ) -> Result<(), OptimizerError> {
        let grads = gradient.into();
        self.powers = self.hyper.next(&self.powers);
        let k = self.hyper.coefficients(&self.powers)?;
        if let Some(check) = &mut self.check {
            check.expect(&k, parameters, &self.states, &grads.widened());
        }
        let states = self.states.iter_mut().map(Vec::as_mut_slice).collect();
        let tensors = Tensors { params: &mut *parameters, states, grads, half: None };
        let report = step(self.device, &k, 1.0, tensors, &mut |_| ())?;
        self.report.add(&report);
        match &mut self.check {
            Some(check) => check.compare(self.powers.step, self.hyper.states(), parameters, &self.states),
            None => Ok(()),
        }
    }

    /// What the steps so far added up to.
    pub fn report(&self) -> &StepReport {
        &self.report
    }

    /// How many steps were compared, where that was asked for.
    pub fn checked(&self) -> Option<Checked> {
        self.check.as_ref().map(|check| check.done)
    }
}

/// The second opinion.
struct Check {
    done: Checked,
    soft: Soft,
    /// Parameters and states after the step, by the reference.
    params: Vec<f32>,
    states: Vec<Vec<f32>>,
}

impl Check {
    /// The reference for a device: one that is not the device itself.
    fn of(device: &mut dyn Device) -> Check {
        let reference = if device.in_place().is_some() { Reference::Specification } else { Reference::Soft };
        let done = Checked { reference, identical_steps: 0 };
        Check { done, soft: Soft::open(None), params: Vec::new(), states: Vec::new() }
    }

    /// Computes what the step has to give.
    fn expect(&mut self, k: &Coefficients, params: &[f32], states: &[Vec<f32>], gradient: &[f32]) {
        self.params.clear();
        self.params.extend_from_slice(params);
        self.states.clear();
        self.states.extend_from_slice(states);
        let params = &mut self.params;
        let mut states: Vec<&mut [f32]> = self.states.iter_mut().map(Vec::as_mut_slice).collect();
        match self.done.reference {
            Reference::Specification => {
                k.step(params, &mut states, gradient);
            }
            Reference::Soft => {
                self.soft.step(k, 1.0, Tensors { params, states, grads: gradient.into(), half: None });
            }
        }
    }

    /// Compares it with what the device gave.
    fn compare(
        &mut self,
        step: u64,
        names: &'static [&'static str],
        params: &[f32],
        states: &[Vec<f32>],
    ) -> Result<(), OptimizerError> {
        let found = [params].into_iter().chain(states.iter().map(Vec::as_slice));
        let expected = [&self.params].into_iter().chain(&self.states);
        for ((tensor, found), expected) in ["params"].iter().chain(names).zip(found).zip(expected) {
            let differs = |&element: &usize| found[element].to_bits() != expected[element].to_bits();
            if let Some(element) = (0..expected.len()).find(differs) {
                return Err(OptimizerError::Differs {
                    step,
                    tensor,
                    elements: expected.len(),
                    differing: (0..expected.len()).filter(differs).count(),
                    element,
                    found: found[element].to_bits(),
                    expected: expected[element].to_bits(),
                    reference: self.done.reference,
                });
            }
        }
        self.done.identical_steps += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Buffer, Counters, Description, Value};
    use crate::topk::{encode, Kept, Stream, ValueFormat};
    use nearfield_model::optimizer::{adamw, sgd};
    use std::time::Duration;

    /// A board whose memory is `soft`'s and which spoils one bit of the moments in a certain step.
    struct Faulty {
        soft: Soft,
        steps: u32,
        spoiled_step: u32,
    }

    impl Device for Faulty {
        fn describe(&self) -> &Description {
            self.soft.describe()
        }
        fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError> {
            self.soft.allocate(bytes, bank)
        }
        fn release(&mut self, buffer: Buffer) {
            self.soft.release(buffer);
        }
        fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
            self.soft.write(buffer, offset, data)
        }
        fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
            self.soft.read(buffer, offset, into)
        }
        fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError> {
            self.soft.start(arguments)?;
            self.steps += 1;
            let Value::Pointer(exp_avg) = arguments[1] else { panic!("the second argument is exp_avg") };
            if self.steps == self.spoiled_step {
                let mut word = [0; 4];
                self.soft.read(&exp_avg, 4 * 77, &mut word)?;
                word[0] ^= 1;
                self.soft.write(&exp_avg, 4 * 77, &word)?;
            }
            Ok(())
        }
        fn wait(&mut self, timeout: Duration) -> Result<(), DeviceError> {
            self.soft.wait(timeout)
        }
        fn register(&mut self, offset: u32) -> Result<Option<u32>, DeviceError> {
            self.soft.register(offset)
        }
        fn counters(&mut self) -> Result<Option<Counters>, DeviceError> {
            let stalled = |name| crate::device::StreamCounters { name, beats: 7, stalls: 3, checksum: (0, 0) };
            let streams = vec![stalled("params")];
            Ok(Some(Counters { cycles: 100, streams, counts: Vec::new(), nonfinite: false, squares: None }))
        }
    }

    const HYPER: Hyper = Hyper::AdamW(adamw::Hyper {
        lr: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.1,
        bias_correction: true,
    });

    /// Runs steps until one fails, at most 5.
    fn steps(device: &mut dyn Device, hyper: Hyper) -> (Result<(), OptimizerError>, Checked, StepReport) {
        let mut optimizer = Optimizer::new(device, hyper, 100, true);
        let mut parameters: Vec<f32> = (0..100).map(|i| i as f32 - 50.0).collect();
        let gradient: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let result = (0..5).try_for_each(|_| optimizer.step(&mut parameters, &gradient));
        (result, optimizer.checked().unwrap(), optimizer.report().clone())
    }

    #[test]
    fn soft_is_compared_with_the_specification() {
        let (result, checked, report) = steps(&mut Soft::open(Some(1)), HYPER);
        result.unwrap();
        assert_eq!(checked, Checked { reference: Reference::Specification, identical_steps: 5 });
        assert_eq!((report.elements, report.cycles), (500, None));
    }

    #[test]
    fn every_optimizer_is_compared() {
        let momentum = sgd::Hyper { momentum: 0.9, ..sgd::Hyper::default() };
        let all = nearfield_model::optimizer::Optimizer::ALL.map(Hyper::of);
        for hyper in all.into_iter().chain([Hyper::Sgd(momentum)]) {
            let (result, checked, _) = steps(&mut Soft::open(Some(1)), hyper);
            result.unwrap();
            assert_eq!(checked.identical_steps, 5, "{hyper:?}");
        }
        let (result, checked, _) = steps(&mut Soft::open(Some(1)), HYPER.with_lr(1e38));
        assert!(matches!(result, Err(OptimizerError::Hyper(_))), "{result:?}");
        assert_eq!(checked.identical_steps, 0);
    }

    #[test]
    fn another_device_is_compared_with_soft_and_its_cycles_add_up() {
        let mut device = Faulty { soft: Soft::open(Some(1)), steps: 0, spoiled_step: 0 };
        let (result, checked, report) = steps(&mut device, HYPER);
        result.unwrap();
        assert_eq!(checked, Checked { reference: Reference::Soft, identical_steps: 5 });
        assert_eq!((report.elements, report.cycles, report.stalls["params"]), (500, Some(500), 15));
    }

    #[test]
    fn a_stream_is_the_gradient_it_expands_to() {
        let (mut kept, mut gradient) = (Kept::default(), vec![0.0; 100]);
        for (index, value) in [(3, 0.5), (77, -2.0)] {
            kept.push(index, value);
            gradient[index as usize] = value;
        }
        let stream = encode(100, ValueFormat::Fp32, &kept).unwrap();
        let mut parameters = [vec![1.0; 100], vec![1.0; 100]];
        let mut devices = [Soft::open(Some(1)), Soft::open(Some(1))];
        let [mut of_stream, mut of_gradient] = devices.each_mut().map(|soft| Optimizer::new(soft, HYPER, 100, true));
        for _ in 0..3 {
            let sparse = Gradients::TopK(Stream::parse(&stream).unwrap());
            of_stream.step(&mut parameters[0], sparse).unwrap();
            of_gradient.step(&mut parameters[1], &gradient).unwrap();
        }
        assert_eq!(parameters[0], parameters[1]);
        assert_eq!((of_stream.checked(), &of_stream.states), (of_gradient.checked(), &of_gradient.states));
    }

    #[test]
    fn a_spoiled_bit_is_found_and_named() {
        let mut device = Faulty { soft: Soft::open(Some(1)), steps: 0, spoiled_step: 3 };
        let (result, checked, _) = steps(&mut device, HYPER);
        assert_eq!(checked.identical_steps, 2);
        let error = result.unwrap_err();
        let OptimizerError::Differs { step: 3, tensor: "exp_avg", differing: 1, element: 77, found, expected, .. } =
            error
        else {
            panic!("{error}")
        };
        assert_eq!(found ^ expected, 1);
        let message = error.to_string();
        assert!(message.starts_with("step 3: 1 of 100 values of exp_avg differ from soft; the first is element 77: "));
        assert!(message.contains(&format!("({found:#010x}) and not")), "{message}");
    }
}
