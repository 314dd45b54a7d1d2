//! The self-test of a device: the vectors that the simulated kernels pass, replayed on whatever is at hand, and a report
//! that can be attached to a bug.
//!
//! Every case compares parameters and moments with the specification, bit for bit, after each step, and the bytes around
//! each tensor with what they were. Every optimizer, gradient format and half copy has a step. Besides, the kernel must refuse an argument it cannot do and be well afterwards, and
//! reach memory of every kind that the device offers.

mod case;
mod formats;

pub use case::{cases, digest, Case, State, DIGEST, STEPS};

use crate::device::{Buffer, BufferKind, Device, DeviceError, Tensors, Value};
use crate::step::{arguments, check, run_bound};
use nearfield_abi::kernel::{smartupdate as argument, POINTER_ALIGNMENT};
use nearfield_model::optimizer::{Coefficients, Optimizer};
use serde::Serialize;

/// Bytes after a tensor that must stay as they are.
const GUARD: u64 = POINTER_ALIGNMENT;
const GUARD_BYTE: u8 = 0xa5;
/// The arguments of the four tensors.
const TENSORS: [(&str, usize); 4] = [
    ("params", argument::PARAMS),
    ("exp_avg", argument::EXP_AVG),
    ("exp_avg_sq", argument::EXP_AVG_SQ),
    ("grads", argument::GRADS),
];

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not tried, and why.
    Skipped {
        /// Why.
        why: String,
    },
    /// Otherwise.
    Failed {
        /// What was found, and what should have been.
        what: String,
    },
}

/// A check and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it came out.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Cycles of the kernel, where it has a clock.
    pub cycles: Option<u64>,
}

/// What a self-test found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The device.
    pub device: String,
    /// The kernel's configuration.
    pub kernel: String,
    /// [`nearfield_abi::kernel::KernelConfig::hash`] of it.
    pub configuration_hash: String,
    /// Clock in MHz, where it is known.
    pub clock_mhz: Option<f64>,
    /// Bytes of each memory bank; of `soft` what 64 bits can say.
    pub bank_bytes: Vec<u64>,
    /// The bank of each tensor.
    pub tensor_banks: Vec<u32>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Checks that passed, failed and were not tried.
    pub passed: usize,
    /// See `passed`.
    pub failed: usize,
    /// See `passed`.
    pub skipped: usize,
}

/// Why a check did not pass.
enum Trouble {
    /// The device computed something else.
    Differs(String),
    /// The device failed.
    Device(DeviceError),
}

impl From<DeviceError> for Trouble {
    fn from(error: DeviceError) -> Trouble {
        Trouble::Device(error)
    }
}

/// Tests a device. `progress` hears the number of checks that are done, and how many there are.
///
/// A check that fails does not end the test, except where the device is gone.
pub fn run(device: &mut dyn Device, progress: &mut dyn FnMut(usize, usize)) -> Report {
    let cases = cases();
    let expected: Vec<Vec<State>> = cases.iter().map(Case::expected).collect();
    let kinds = [BufferKind::HostOnly, BufferKind::PeerToPeer];
    let formats = formats::all();
    let all = 2 + cases.len() + kinds.len() + formats.len();
    let mut checks = vec![vectors(&expected)];
    // One case that has whole beats, a rest, and corners is tried in memory of other kinds.
    let normal = cases.iter().zip(&expected).map(|(case, expected)| (case, expected, BufferKind::Normal));
    let others = kinds.iter().map(|&kind| (&cases[12], &expected[12], kind));
    let mut gone = false;
    let mut note = |(check, fatal): (Check, bool)| {
        checks.push(check);
        progress(checks.len(), all);
        fatal
    };
    gone |= note(refusal(device));
    for (case, expected, kind) in normal.chain(others) {
        let done = match gone {
            true => (skipped(name_of(case, kind), "the device is gone"), true),
            false => steps(device, case, expected, kind),
        };
        gone |= note(done);
    }
    for formats in formats {
        let done = match gone {
            true => (skipped(formats.name(), "the device is gone"), true),
            false => formats.check(device),
        };
        gone |= note(done);
    }
    report(device, checks)
}

fn report(device: &dyn Device, checks: Vec<Check>) -> Report {
    let about = device.describe();
    let count = |wanted: fn(&Outcome) -> bool| checks.iter().filter(|check| wanted(&check.outcome)).count();
    Report {
        device: about.name.clone(),
        kernel: about.kernel.name(),
        configuration_hash: format!("{:#018x}", about.kernel.hash()),
        clock_mhz: about.clock_mhz,
        bank_bytes: about.bank_bytes.clone(),
        tensor_banks: TENSORS
            .iter()
            .filter_map(|&(_, id)| about.kernel.id_of(id).and_then(|own| about.argument_banks[own]))
            .collect(),
        passed: count(|outcome| *outcome == Outcome::Passed),
        failed: count(|outcome| matches!(outcome, Outcome::Failed { .. })),
        skipped: count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
        checks,
    }
}

/// The vectors are those that the simulation passed.
fn vectors(expected: &[Vec<State>]) -> Check {
    let found = digest(expected);
    let what = format!("this processor makes other vectors, {found:#010x} and not {DIGEST:#010x}");
    let outcome = if found == DIGEST { Outcome::Passed } else { Outcome::Failed { what } };
    Check { name: format!("vectors {DIGEST:#010x}"), outcome, cycles: None }
}

/// Buffers of the four tensors, with guards behind them.
fn allocate(device: &mut dyn Device, elements: u32, kind: BufferKind) -> Result<[Buffer; 4], DeviceError> {
    let banks = device.describe().argument_banks.clone();
    let bytes = (4 * u64::from(elements)).next_multiple_of(POINTER_ALIGNMENT) + GUARD;
    let mut buffers = Vec::new();
    for (_, id) in TENSORS {
        match device.allocate_kind(bytes, banks[id].unwrap_or(0), kind) {
            Ok(buffer) => buffers.push(buffer),
            Err(error) => {
                buffers.into_iter().for_each(|buffer| device.release(buffer));
                return Err(error);
            }
        }
    }
    Ok([buffers[0], buffers[1], buffers[2], buffers[3]])
}

fn skipped(name: String, why: &str) -> Check {
    Check { name, outcome: Outcome::Skipped { why: why.into() }, cycles: None }
}

/// Why there is no step of this optimizer, if the kernel does only others.
fn not_done(device: &dyn Device, optimizer: Optimizer) -> Option<String> {
    check(device, optimizer).err().map(|error| error.to_string())
}

fn name_of(case: &Case, kind: BufferKind) -> String {
    let place = match kind {
        BufferKind::Normal => String::new(),
        _ => format!(" in {kind} memory"),
    };
    format!("{STEPS} steps of {} elements{place}", case.elements)
}

/// How a check came out, and whether the device is gone.
fn outcome_of(done: Result<(), Trouble>) -> (Outcome, bool) {
    match done {
        Ok(()) => (Outcome::Passed, false),
        Err(Trouble::Device(error @ DeviceError::NoSuchKind { .. })) => {
            (Outcome::Skipped { why: error.to_string() }, false)
        }
        Err(Trouble::Device(error)) => {
            let gone = matches!(
                error,
                DeviceError::Lost { .. } | DeviceError::Unresponsive { .. } | DeviceError::Timeout { .. }
            );
            (Outcome::Failed { what: error.to_string() }, gone)
        }
        Err(Trouble::Differs(what)) => (Outcome::Failed { what }, false),
    }
}

/// The steps of a case, with the tensors in memory of one kind; also whether the device is gone.
fn steps(device: &mut dyn Device, case: &Case, expected: &[State], kind: BufferKind) -> (Check, bool) {
    let name = name_of(case, kind);
    if let Some(why) = not_done(device, Optimizer::AdamW) {
        return (skipped(name, &why), false);
    }
    if kind != BufferKind::Normal && device.in_place().is_some() {
        return (skipped(name, "the step runs on the host's own memory"), false);
    }
    let mut cycles = None;
    let mut work = || -> Result<(), Trouble> {
        if device.in_place().is_some() {
            return in_place(device, case, expected);
        }
        let buffers = allocate(device, case.elements, kind)?;
        let done = on_board(device, case, expected, &buffers, &mut cycles);
        buffers.into_iter().for_each(|buffer| device.release(buffer));
        done
    };
    let (outcome, gone) = outcome_of(work());
    (Check { name, outcome, cycles }, gone)
}

fn in_place(device: &mut dyn Device, case: &Case, expected: &[State]) -> Result<(), Trouble> {
    let mut state = case.begin();
    for (step, expected) in (1..).zip(expected) {
        let [params, exp_avg, exp_avg_sq] = &mut state;
        let grads = case.gradients(step);
        let tensors = Tensors { params, states: vec![exp_avg, exp_avg_sq], grads: (&grads).into(), half: None };
        if let Some(host) = device.in_place() {
            host.step(&Coefficients::AdamW(case.coefficients(step)), 1.0, tensors);
        }
        compare(step, &state, expected)?;
    }
    Ok(())
}

fn on_board(
    device: &mut dyn Device,
    case: &Case,
    expected: &[State],
    buffers: &[Buffer; 4],
    cycles: &mut Option<u64>,
) -> Result<(), Trouble> {
    let length = 4 * case.elements as usize;
    for (buffer, tensor) in buffers.iter().zip(&case.begin()) {
        device.write(buffer, 0, &guarded(tensor, buffer))?;
    }
    for (step, expected) in (1..).zip(expected) {
        let grads = case.gradients(step);
        device.write(&buffers[3], 0, &guarded(&grads, &buffers[3]))?;
        device.start(&arguments(buffers, &Coefficients::AdamW(case.coefficients(step)), case.elements))?;
        device.wait(run_bound(device, case.elements as usize))?;
        if let Some(counters) = device.counters()? {
            *cycles = Some(cycles.unwrap_or(0) + counters.cycles);
        }
        let mut state = State::default();
        for (i, buffer) in buffers.iter().enumerate() {
            let mut bytes = vec![0; buffer.bytes as usize];
            device.read(buffer, 0, &mut bytes)?;
            if let Some(at) = bytes[length..].iter().position(|&b| b != GUARD_BYTE) {
                let name = TENSORS[i].0;
                return Err(Trouble::Differs(format!("step {step}: byte {at} after the end of {name} was changed")));
            }
            let words = bytes[..length].chunks_exact(4).map(|word| word.try_into().unwrap_or_default());
            let tensor: Vec<f32> = words.map(f32::from_le_bytes).collect();
            match state.get_mut(i) {
                Some(place) => *place = tensor,
                None if tensor.iter().zip(&grads).any(|(a, b)| a.to_bits() != b.to_bits()) => {
                    return Err(Trouble::Differs(format!("step {step}: the gradients were changed")));
                }
                None => {}
            }
        }
        compare(step, &state, expected)?;
    }
    Ok(())
}

/// A tensor's bytes, and guards as far as its buffer goes.
fn guarded(tensor: &[f32], buffer: &Buffer) -> Vec<u8> {
    let mut bytes: Vec<u8> = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.resize(buffer.bytes as usize, GUARD_BYTE);
    bytes
}

fn compare(step: u32, found: &State, expected: &State) -> Result<(), Trouble> {
    for (((name, _), found), expected) in TENSORS.iter().zip(found).zip(expected) {
        let differs = |&i: &usize| found[i].to_bits() != expected[i].to_bits();
        if let Some(i) = (0..expected.len()).find(differs) {
            let (count, all) = ((0..expected.len()).filter(differs).count(), expected.len());
            let (found, expected) = (found[i].to_bits(), expected[i].to_bits());
            return Err(Trouble::Differs(format!(
                "step {step}: {count} of {all} values of {name} differ; the first is element {i}: {found:#010x} and not \
                 {expected:#010x}"
            )));
        }
    }
    Ok(())
}

/// The kernel refuses a gradient format that there is not, and the next run is well.
fn refusal(device: &mut dyn Device) -> (Check, bool) {
    let name = "an unknown gradient format is refused".to_string();
    if let Some(why) = not_done(device, Optimizer::AdamW) {
        return (skipped(name, &why), false);
    }
    if device.in_place().is_some() {
        return (skipped(name, "there is no kernel"), false);
    }
    let mut work = || -> Result<(), Trouble> {
        let buffers = allocate(device, 1, BufferKind::Normal)?;
        let mut list = arguments(&buffers, &Coefficients::AdamW(cases()[0].coefficients(1)), 1);
        list[argument::GRAD_FORMAT] = Value::U32(u32::MAX);
        let ended = device.start(&list).and_then(|()| device.wait(run_bound(device, 1)));
        buffers.into_iter().for_each(|buffer| device.release(buffer));
        match ended {
            Err(DeviceError::KernelArgument { argument }) if argument == "grad_format" => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Err(Trouble::Differs("the kernel took it".into())),
        }
    };
    let (outcome, gone) = outcome_of(work());
    (Check { name, outcome, cycles: None }, gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::soft::Soft;

    #[test]
    fn soft_passes_and_skips_what_it_lacks() {
        let mut heard = Vec::new();
        let report = run(&mut Soft::open(Some(1)), &mut |done, all| heard.push((done, all)));
        assert_eq!((report.passed, report.failed, report.skipped), (report.checks.len() - 3, 0, 3), "{report:?}");
        assert_eq!(heard.last(), Some(&(report.checks.len(), report.checks.len())));
    }

    #[test]
    fn a_bit_that_differs_is_found() {
        let case = &cases()[9];
        let expected = case.expected();
        let mut spoiled = expected.clone();
        spoiled[1][2][200] = f32::from_bits(spoiled[1][2][200].to_bits() ^ 1);
        let (check, _) = steps(&mut Soft::open(Some(1)), case, &spoiled, BufferKind::Normal);
        let Outcome::Failed { what } = &check.outcome else { panic!("{check:?}") };
        assert!(what.starts_with("step 2: 1 of 255 values of exp_avg_sq differ; the first is element 200: "), "{what}");
        assert!(matches!(vectors(&[spoiled]).outcome, Outcome::Failed { .. }));
    }
}
