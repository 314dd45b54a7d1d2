//! One optimizer step on a flat run of elements, on any device.
//!
//! A flat run is what the kernel sees: params, first and second moments and gradients of several tensors laid end to end.
//! Runs that do not fit a device's memory are cut into pieces, one start each.

use crate::device::{Buffer, Device, DeviceError, Tensors, Value};
use nearfield_abi::kernel::{smartupdate as argument, POINTER_ALIGNMENT};
use nearfield_model::optimizer::{Coefficients, Optimizer};
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

/// The pointer arguments of an optimizer's states, in the order in which a step takes them.
pub(crate) fn state_arguments(k: &Coefficients) -> &'static [usize] {
    match k {
        Coefficients::AdamW(_) | Coefficients::Adam(_) => &[argument::EXP_AVG, argument::EXP_AVG_SQ],
        Coefficients::Adagrad(_) => &[argument::EXP_AVG_SQ],
        Coefficients::Lion(_) => &[argument::EXP_AVG],
        Coefficients::Sgd(k) if k.has_buffer() => &[argument::EXP_AVG],
        Coefficients::Sgd(_) => &[],
    }
}

/// The pointer arguments of all tensors: parameters, states, gradients.
fn tensor_arguments(k: &Coefficients) -> Vec<usize> {
    [&[argument::PARAMS], state_arguments(k), &[argument::GRADS]].concat()
}

/// The kernel's arguments for a step of `elements` elements; the buffers are those of the parameters, of the states in the
/// order in which a step takes them, and of the gradients.
///
/// # Panics
///
/// If there are more or fewer states than the optimizer has.
pub fn arguments(buffers: &[Buffer], k: &Coefficients, elements: u32) -> Vec<Value> {
    use argument::{flag, optimizer};
    let tensors = tensor_arguments(k);
    assert_eq!(tensors.len(), buffers.len(), "every tensor has its buffer");
    let mut list = vec![Value::F32(0.0); argument::DECAY + 1];
    list[..argument::ELEMENTS].fill(Value::Null);
    for (id, buffer) in tensors.into_iter().zip(buffers) {
        list[id] = Value::Pointer(*buffer);
    }
    let set = |on: bool, flag: u32| if on { flag } else { 0 };
    let (code, flags, words) = match k {
        Coefficients::AdamW(k) => (
            optimizer::ADAMW,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, k.bias2, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Adam(k) => (
            optimizer::ADAM,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, k.bias2, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Adagrad(k) => (
            optimizer::ADAGRAD,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [0.0, 0.0, 0.0, 0.0, 1.0, k.eps, k.step_size, k.decay],
        ),
        Coefficients::Lion(k) => (
            optimizer::LION,
            set(k.weight_decay, flag::WEIGHT_DECAY),
            [k.beta1, k.c1, k.beta2, k.c2, 1.0, 0.0, k.step_size, k.decay],
        ),
        Coefficients::Sgd(k) => (
            optimizer::SGD,
            set(k.weight_decay, flag::WEIGHT_DECAY)
                | set(k.has_buffer(), flag::MOMENTUM)
                | set(k.first, flag::FIRST_STEP)
                | set(k.nesterov, flag::NESTEROV),
            [k.momentum, k.c1, 0.0, 0.0, 1.0, 0.0, k.step_size, k.decay],
        ),
    };
    list[argument::ELEMENTS] = Value::U32(elements);
    list[argument::FLAGS] = Value::U32(flags);
    list[argument::OPTIMIZER] = Value::U32(code);
    list[argument::GRAD_FORMAT] = Value::U32(argument::grad_format::FP32);
    list[argument::HALF_FORMAT] = Value::U32(argument::half_format::NONE);
    list[argument::GRAD_SCALE] = Value::F32(1.0);
    for (value, word) in list[argument::BETA1..].iter_mut().zip(words) {
        *value = Value::F32(word);
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
        false => {
            let about = device.describe();
            Err(DeviceError::NoSuchOptimizer { device: about.name.clone(), optimizer, has: about.optimizers })
        }
    }
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
        let piece = piece_elements(device).min(elements);
        let buffers = allocate(device, k, piece)?;
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
fn allocate(device: &mut dyn Device, k: &Coefficients, elements: u64) -> Result<Vec<Buffer>, DeviceError> {
    let banks = device.describe().argument_banks.clone();
    let mut buffers = Vec::new();
    for id in tensor_arguments(k) {
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
    Ok(buffers)
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
    k: &Coefficients,
    buffers: &[Buffer],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::soft::Soft;
    use crate::device::{Counters, Description};
    use nearfield_model::optimizer::Hyper;

    /// A device whose kernel does one optimizer.
    struct OfAdamW(Soft, Description);

    impl Device for OfAdamW {
        fn describe(&self) -> &Description {
            &self.1
        }
        fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError> {
            self.0.allocate(bytes, bank)
        }
        fn release(&mut self, buffer: Buffer) {
            self.0.release(buffer);
        }
        fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
            self.0.write(buffer, offset, data)
        }
        fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
            self.0.read(buffer, offset, into)
        }
        fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError> {
            self.0.start(arguments)
        }
        fn wait(&mut self, timeout: Duration) -> Result<(), DeviceError> {
            self.0.wait(timeout)
        }
        fn register(&mut self, offset: u32) -> Result<Option<u32>, DeviceError> {
            self.0.register(offset)
        }
        fn counters(&mut self) -> Result<Option<Counters>, DeviceError> {
            self.0.counters()
        }
    }

    #[test]
    fn an_optimizer_that_a_device_does_not_do_is_refused_before_anything_runs() {
        let soft = Soft::open(Some(1));
        let about = Description { optimizers: &[Optimizer::AdamW], name: "one".into(), ..soft.describe().clone() };
        let mut device = OfAdamW(soft, about);
        for optimizer in Optimizer::ALL {
            let hyper = Hyper::of(optimizer);
            let k = hyper.coefficients(&hyper.next(&hyper.powers())).unwrap();
            let (mut params, mut states) = (vec![1.0; 16], vec![vec![0.0; 16]; hyper.states().len()]);
            let states = states.iter_mut().map(Vec::as_mut_slice).collect();
            let tensors = Tensors { params: &mut params, states, grads: &[1.0; 16] };
            match step(&mut device, &k, tensors, &mut |_| ()) {
                Ok(report) => assert_eq!((optimizer, report.elements), (Optimizer::AdamW, 16)),
                Err(error) => {
                    assert!(error.refused() && error.to_string().contains("does adamw"), "{error}");
                    assert_eq!(params, [1.0; 16]);
                }
            }
        }
    }
}
