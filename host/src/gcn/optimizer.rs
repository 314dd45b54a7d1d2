//! AdamW on a device, step after step, with its state and a second opinion on every step.

use crate::device::soft::Soft;
use crate::device::{Device, DeviceError, InPlace, Tensors};
use crate::step::{step, StepReport};
use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use nearfield_model::optimizer::BetaPowers;
use serde::Serialize;
use std::fmt;

/// What each step is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The `soft` device: what every other device is compared with.
    Soft,
    /// The specification, `nearfield_model::optimizer::adamw`: what `soft` is compared with.
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
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Some elements are not what the reference computed.
    #[error(
        "step {step}: {differing} of {elements} values of {tensor} differ from {reference}; the first is element \
         {element}: {} ({:#010x}) and not {} ({:#010x})",
        f32::from_bits(*found), found, f32::from_bits(*expected), expected
    )]
    Differs {
        /// Counted from 1.
        step: u64,
        /// `params`, `exp_avg` or `exp_avg_sq`.
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

/// AdamW's state for one flat run of parameters, and the device that does its steps.
pub struct Optimizer<'a> {
    device: &'a mut dyn Device,
    hyper: Hyper,
    powers: BetaPowers,
    exp_avg: Vec<f32>,
    exp_avg_sq: Vec<f32>,
    check: Option<Check>,
    report: StepReport,
}

impl<'a> Optimizer<'a> {
    /// The optimizer before its first step, for this many parameters.
    pub fn new(device: &'a mut dyn Device, hyper: Hyper, parameters: usize, check: bool) -> Optimizer<'a> {
        let check = check.then(|| Check::of(device));
        let moments = vec![0.0; parameters];
        Optimizer {
            device,
            hyper,
            powers: hyper.powers(),
            exp_avg: moments.clone(),
            exp_avg_sq: moments,
            check,
            report: StepReport::default(),
        }
    }

    /// One step of all parameters on the device.
    ///
    /// # Errors
    /// When the device fails, or when a check was asked for and a bit differs. Parameters and state are then of no use.
    ///
    /// # Panics
    /// If `parameters` and `gradient` have another length than [`Optimizer::new`] was told.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32]) -> Result<(), OptimizerError> {
        self.powers = self.powers.next(self.hyper.beta1, self.hyper.beta2);
        let k = Coefficients::new(&self.hyper, &self.powers);
        if let Some(check) = &mut self.check {
            check.expect(&k, [&*parameters, &self.exp_avg, &self.exp_avg_sq], gradient);
        }
        let tensors = Tensors {
            params: &mut *parameters,
            exp_avg: &mut self.exp_avg,
            exp_avg_sq: &mut self.exp_avg_sq,
            grads: gradient,
        };
        let report = step(self.device, &k, tensors, &mut |_| ())?;
        self.report.add(&report);
        match &mut self.check {
            Some(check) => check.compare(self.powers.step, [&*parameters, &self.exp_avg, &self.exp_avg_sq]),
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
    /// Parameters and moments after the step, by the reference.
    expected: [Vec<f32>; 3],
}

impl Check {
    /// The reference for a device: one that is not the device itself.
    fn of(device: &mut dyn Device) -> Check {
        let reference = if device.in_place().is_some() { Reference::Specification } else { Reference::Soft };
        Check { done: Checked { reference, identical_steps: 0 }, soft: Soft::open(None), expected: Default::default() }
    }

    /// Computes what the step has to give.
    fn expect(&mut self, k: &Coefficients, before: [&[f32]; 3], gradient: &[f32]) {
        for (expected, before) in self.expected.iter_mut().zip(before) {
            expected.clear();
            expected.extend_from_slice(before);
        }
        let [params, exp_avg, exp_avg_sq] = &mut self.expected;
        match self.done.reference {
            Reference::Specification => adamw::step(k, params, exp_avg, exp_avg_sq, gradient),
            Reference::Soft => self.soft.step(k, Tensors { params, exp_avg, exp_avg_sq, grads: gradient }),
        }
    }

    /// Compares it with what the device gave.
    fn compare(&mut self, step: u64, found: [&[f32]; 3]) -> Result<(), OptimizerError> {
        for ((tensor, found), expected) in
            ["params", "exp_avg", "exp_avg_sq"].into_iter().zip(found).zip(&self.expected)
        {
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
            let stalled = |name| crate::device::StreamCounters { name, beats: 7, stalls: 3 };
            Ok(Some(Counters { cycles: 100, streams: vec![stalled("params")] }))
        }
    }

    const HYPER: Hyper =
        Hyper { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1, bias_correction: true };

    /// Runs steps until one fails, at most 5.
    fn steps(device: &mut dyn Device) -> (Result<(), OptimizerError>, Checked, StepReport) {
        let mut optimizer = Optimizer::new(device, HYPER, 100, true);
        let mut parameters: Vec<f32> = (0..100).map(|i| i as f32 - 50.0).collect();
        let gradient: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let result = (0..5).try_for_each(|_| optimizer.step(&mut parameters, &gradient));
        (result, optimizer.checked().unwrap(), optimizer.report().clone())
    }

    #[test]
    fn soft_is_compared_with_the_specification() {
        let (result, checked, report) = steps(&mut Soft::open(Some(1)));
        result.unwrap();
        assert_eq!(checked, Checked { reference: Reference::Specification, identical_steps: 5 });
        assert_eq!((report.elements, report.cycles), (500, None));
    }

    #[test]
    fn another_device_is_compared_with_soft_and_its_cycles_add_up() {
        let mut device = Faulty { soft: Soft::open(Some(1)), steps: 0, spoiled_step: 0 };
        let (result, checked, report) = steps(&mut device);
        result.unwrap();
        assert_eq!(checked, Checked { reference: Reference::Soft, identical_steps: 5 });
        assert_eq!((report.elements, report.cycles, report.stalls["params"]), (500, Some(500), 15));
    }

    #[test]
    fn a_spoiled_bit_is_found_and_named() {
        let mut device = Faulty { soft: Soft::open(Some(1)), steps: 0, spoiled_step: 3 };
        let (result, checked, _) = steps(&mut device);
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
