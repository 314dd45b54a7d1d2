//! One optimizer step on a flat run of elements, on any device.
//!
//! A flat run is what the kernel sees: params, first and second moments and gradients of several tensors laid end to end.
//! Runs that do not fit a device's memory are cut into pieces, one start each.

use crate::device::{Buffer, Device, DeviceError, Tensors, Value};
use nearfield_abi::kernel::{smartupdate as argument, POINTER_ALIGNMENT};
use nearfield_model::optimizer::{adamw, Coefficients, Optimizer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Tensors of `smartupdate`: parameters, two states, gradients.
const TENSORS: u64 = 4;
/// The most elements of one start on a device that is copied to: 4 MiB a tensor keeps the simulated board's memory small.
const PIECE_ELEMENTS: u64 = 1 << 20;
/// Bytes of an element.
const ELEMENT_BYTES: u64 = 4;

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StepReport {
    /// Elements updated.
    pub elements: u64,
    /// Kernel cycles, summed over starts; `None` where there is no clocked kernel.
    pub cycles: Option<u64>,
    /// Elements / lanes / cycles.
    pub elements_per_lane_cycle: Option<f64>,
    /// Lanes of the kernel.
    pub lanes: Option<u32>,
    /// Kernel clock in MHz.
    pub clock_mhz: Option<f64>,
    /// Cycles in which a stream waited, by the stream's name.
    pub stalls: BTreeMap<&'static str, u64>,
    /// Wall-clock time of the step, copies included.
    pub seconds: f64,
}

impl StepReport {
    /// Adds another step on the same device.
    pub fn add(&mut self, other: &StepReport) {
        self.elements += other.elements;
        self.cycles = match (self.cycles, other.cycles) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        self.lanes = self.lanes.or(other.lanes);
        self.clock_mhz = self.clock_mhz.or(other.clock_mhz);
        for (name, stalls) in &other.stalls {
            *self.stalls.entry(name).or_default() += stalls;
        }
        self.seconds += other.seconds;
        self.relate();
    }

    fn relate(&mut self) {
        self.elements_per_lane_cycle = match (self.cycles, self.lanes) {
            (Some(cycles), Some(lanes)) if cycles > 0 => Some(self.elements as f64 / f64::from(lanes) / cycles as f64),
            _ => None,
        };
    }
}

/// The kernel's arguments for an AdamW step of `elements` elements; the buffers are params, exp_avg, exp_avg_sq and grads.
pub fn arguments(buffers: &[Buffer; 4], k: &adamw::Coefficients, elements: u32) -> Vec<Value> {
    let mut list = vec![Value::Null; argument::DECAY + 1];
    for (id, buffer) in
        [argument::PARAMS, argument::EXP_AVG, argument::EXP_AVG_SQ, argument::GRADS].into_iter().zip(buffers)
    {
        list[id] = Value::Pointer(*buffer);
    }
    list[argument::ELEMENTS] = Value::U32(elements);
    list[argument::FLAGS] = Value::U32(if k.weight_decay { argument::flag::WEIGHT_DECAY } else { 0 });
    list[argument::GRAD_FORMAT] = Value::U32(argument::grad_format::FP32);
    list[argument::HALF_FORMAT] = Value::U32(argument::half_format::NONE);
    for (id, value) in [
        (argument::GRAD_SCALE, 1.0),
        (argument::BETA1, k.beta1),
        (argument::C1, k.c1),
        (argument::BETA2, k.beta2),
        (argument::C2, k.c2),
        (argument::BIAS2, k.bias2),
        (argument::EPS, k.eps),
        (argument::STEP_SIZE, k.step_size),
        (argument::DECAY, k.decay),
    ] {
        list[id] = Value::F32(value);
    }
    list
}

/// Refuses a device that does not do an optimizer's step, before anything is read or written for it.
///
/// # Errors
///
/// [`DeviceError::NoSuchOptimizer`].
pub fn check(device: &dyn Device, optimizer: Optimizer) -> Result<(), DeviceError> {
    match device.describe().optimizers.contains(&optimizer) {
        true => Ok(()),
        false => Err(refusal(device, optimizer)),
    }
}

fn refusal(device: &dyn Device, optimizer: Optimizer) -> DeviceError {
    let about = device.describe();
    DeviceError::NoSuchOptimizer { device: about.name.clone(), optimizer, has: about.optimizers }
}

/// One optimizer step in place. `progress` hears the number of elements done, after each start.
///
/// On an error the tensors hold what the pieces before it left: the caller keeps a copy or discards them.
///
/// # Errors
///
/// [`DeviceError::NoSuchOptimizer`] before anything runs, and what the device fails with.
///
/// # Panics
///
/// If the slices differ in length, or if there are more or fewer states than the optimizer has.
pub fn step(
    device: &mut dyn Device,
    k: &Coefficients,
    tensors: Tensors<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<StepReport, DeviceError> {
    let begun = Instant::now();
    check(device, k.optimizer())?;
    let length = tensors.params.len();
    let elements = length as u64;
    let mut lengths = tensors.states.iter().map(|state| state.len()).chain([tensors.grads.len()]);
    assert!(lengths.all(|n| n == length), "the tensors have one length");
    let mut report = StepReport {
        elements,
        lanes: device.describe().lanes,
        clock_mhz: device.describe().clock_mhz,
        ..StepReport::default()
    };
    if let Some(host) = device.in_place() {
        host.step(k, tensors);
        progress(elements);
    } else if elements > 0 {
        // What every kernel does so far.
        let Coefficients::AdamW(k) = k else { return Err(refusal(device, k.optimizer())) };
        let piece = piece_elements(device).min(elements);
        let buffers = allocate(device, piece)?;
        let run = in_pieces(device, k, &buffers, piece as usize, tensors, &mut report, progress);
        for buffer in buffers {
            device.release(buffer);
        }
        run?;
    }
    report.seconds = begun.elapsed().as_secs_f64();
    report.relate();
    Ok(report)
}

/// Elements of one start: what fits when all tensors share the smallest bank that an argument is linked to, with room for staggered bases.
fn piece_elements(device: &dyn Device) -> u64 {
    let about = device.describe();
    let linked = about.argument_banks.iter().flatten().filter_map(|&bank| about.bank_bytes.get(bank as usize));
    let smallest = linked.copied().min().unwrap_or(0);
    let fit = smallest / 2 / TENSORS / ELEMENT_BYTES;
    let whole_beats = POINTER_ALIGNMENT / ELEMENT_BYTES;
    (fit / whole_beats * whole_beats).clamp(whole_beats, PIECE_ELEMENTS)
}

/// A buffer a tensor, each in the bank that its argument is linked to.
fn allocate(device: &mut dyn Device, elements: u64) -> Result<[Buffer; 4], DeviceError> {
    let banks = device.describe().argument_banks.clone();
    let mut buffers = Vec::new();
    for id in [argument::PARAMS, argument::EXP_AVG, argument::EXP_AVG_SQ, argument::GRADS] {
        match device.allocate(elements * ELEMENT_BYTES, banks[id].unwrap_or(0)) {
            Ok(buffer) => buffers.push(buffer),
            Err(error) => {
                for buffer in buffers {
                    device.release(buffer);
                }
                return Err(error);
            }
        }
    }
    Ok([buffers[0], buffers[1], buffers[2], buffers[3]])
}

/// The bound of one start. Of a simulation: generous (about 1 k elements a second is a debug build under load) and still
/// an end. Of a board: a piece takes milliseconds, so one that takes seconds does not come back.
pub(crate) fn run_bound(device: &dyn Device, elements: usize) -> Duration {
    match device.describe().simulated {
        true => Duration::from_secs(60 + elements as u64 / 1000),
        false => Duration::from_secs(8),
    }
}

fn in_pieces(
    device: &mut dyn Device,
    k: &adamw::Coefficients,
    buffers: &[Buffer; 4],
    piece: usize,
    tensors: Tensors<'_>,
    report: &mut StepReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DeviceError> {
    let Tensors { params, mut states, grads } = tensors;
    assert_eq!(states.len(), buffers.len() - 2, "every buffer has its tensor");
    for from in (0..params.len()).step_by(piece) {
        let here = from..params.len().min(from + piece);
        let inputs = states.iter().map(|state| &state[here.clone()]);
        let inputs = [&params[here.clone()]].into_iter().chain(inputs).chain([&grads[here.clone()]]);
        for (buffer, data) in buffers.iter().zip(inputs) {
            device.write(buffer, 0, bytemuck::cast_slice(data))?;
        }
        device.start(&arguments(buffers, k, here.len() as u32))?;
        device.wait(run_bound(device, here.len()))?;
        if let Some(counters) = device.counters()? {
            report.cycles = Some(report.cycles.unwrap_or(0) + counters.cycles);
            for stream in counters.streams {
                *report.stalls.entry(stream.name).or_default() += stream.stalls;
            }
        }
        tracing::debug!(elements = here.len(), cycles = report.cycles, "a piece is done");
        let outputs = states.iter_mut().map(|state| &mut state[here.clone()]);
        for (buffer, data) in buffers.iter().zip([&mut params[here.clone()]].into_iter().chain(outputs)) {
            device.read(buffer, 0, bytemuck::cast_slice_mut(data))?;
        }
        progress(here.end as u64);
    }
    Ok(())
}
