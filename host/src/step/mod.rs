//! One optimizer step on a flat run of elements, on any device.
//!
//! A flat run is what the kernel sees: params, first and second moments and gradients of several tensors laid end to end.
//! Runs that do not fit a device's memory are cut into pieces, one start each.

mod arguments;

pub use arguments::arguments;
pub(crate) use arguments::{state_arguments, tensor_arguments};

use crate::device::{Buffer, Counters, Device, DeviceError, StreamCounters, Tensors, Value};
use nearfield_abi::checksum::Checksum;
use nearfield_abi::kernel::{smartupdate as argument, ArgumentKind, KernelConfig, POINTER_ALIGNMENT};
use nearfield_model::optimizer::{Coefficients, Optimizer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
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
    /// A gradient was infinite or NaN, before it was scaled.
    pub nonfinite: bool,
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
        self.nonfinite |= other.nonfinite;
        self.seconds += other.seconds;
        self.relate();
    }

    /// Adds what a kernel's counters say of a start.
    pub(crate) fn count(&mut self, counters: &Counters) {
        self.cycles = Some(self.cycles.unwrap_or(0) + counters.cycles);
        for stream in &counters.streams {
            *self.stalls.entry(stream.name).or_default() += stream.stalls;
        }
        self.nonfinite |= counters.nonfinite;
    }

    fn relate(&mut self) {
        self.elements_per_lane_cycle = match (self.cycles, self.lanes) {
            (Some(cycles), Some(lanes)) if cycles > 0 => Some(self.elements as f64 / f64::from(lanes) / cycles as f64),
            _ => None,
        };
    }
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

/// One optimizer step in place; gradients are multiplied by `scale` first. `progress` hears the number of elements done, after each
/// start.
///
/// On an error the tensors hold what the pieces before it left: the caller keeps a copy or discards them. Of a device with a kernel
/// the checksums of all that it read and wrote are compared with the host's.
///
/// # Errors
///
/// [`DeviceError::NoSuchOptimizer`] before anything runs, [`DeviceError::Corrupted`], and what the device fails with.
///
/// # Panics
///
/// If the tensors differ in length, or if there are more or fewer states than the optimizer has.
pub fn step(
    device: &mut dyn Device,
    k: &Coefficients,
    scale: f32,
    tensors: Tensors<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<StepReport, DeviceError> {
    let begun = Instant::now();
    check(device, k.optimizer())?;
    let length = tensors.params.len();
    let elements = length as u64;
    let copied = tensors.half.as_ref().map(|half| half.into.len());
    let mut lengths = tensors.states.iter().map(|state| state.len()).chain([tensors.grads.len()]).chain(copied);
    assert!(lengths.all(|n| n == length), "the tensors have one length");
    let mut report = StepReport {
        elements,
        lanes: device.describe().lanes,
        clock_mhz: device.describe().clock_mhz,
        ..StepReport::default()
    };
    if let Some(host) = device.in_place() {
        report.nonfinite = host.step(k, scale, tensors);
        progress(elements);
    } else if elements > 0 {
        let piece = piece_elements(device, tensors.grads.granule() as u64).min(elements) as usize;
        let buffers = Buffers::allocate(device, k, piece, &tensors)?;
        let run = Run { k, scale, piece, buffers: &buffers };
        let run = run.in_pieces(device, tensors, &mut report, progress);
        buffers.release(device);
        run?;
    }
    report.seconds = begun.elapsed().as_secs_f64();
    report.relate();
    Ok(report)
}

/// Elements of one start: what fits when all tensors share the smallest bank that an argument is linked to, with room for staggered
/// bases; a multiple of `granule`, where gradients can be cut.
pub(crate) fn piece_elements(device: &dyn Device, granule: u64) -> u64 {
    let about = device.describe();
    let linked = about.argument_banks.iter().flatten().filter_map(|&bank| about.bank_bytes.get(bank as usize));
    let smallest = linked.copied().min().unwrap_or(0);
    let fit = smallest / 2 / TENSORS / ELEMENT_BYTES;
    let granule = granule.max(POINTER_ALIGNMENT / ELEMENT_BYTES);
    (fit / granule * granule).clamp(granule, PIECE_ELEMENTS)
}

/// A buffer a tensor, each in the bank that its argument is linked to.
struct Buffers {
    /// Parameters, states, gradients.
    tensors: Vec<Buffer>,
    half: Option<Buffer>,
}

impl Buffers {
    fn allocate(
        device: &mut dyn Device,
        k: &Coefficients,
        piece: usize,
        tensors: &Tensors<'_>,
    ) -> Result<Buffers, DeviceError> {
        let banks = device.describe().argument_banks.clone();
        let mut buffers = Buffers { tensors: Vec::new(), half: None };
        let dense = piece as u64 * ELEMENT_BYTES;
        let grads = pieces(tensors.params.len(), piece).map(|here| tensors.grads.part(here).byte_length()).max();
        let sizes = tensor_arguments(k).into_iter().map(|id| match id {
            argument::GRADS => (id, grads.unwrap_or(0)),
            _ => (id, dense),
        });
        for (id, bytes) in sizes.chain(tensors.half.as_ref().map(|_| (argument::HALF, dense / 2))) {
            match device.allocate(bytes, banks[id].unwrap_or(0)) {
                Ok(buffer) if id == argument::HALF => buffers.half = Some(buffer),
                Ok(buffer) => buffers.tensors.push(buffer),
                Err(error) => {
                    buffers.release(device);
                    return Err(error);
                }
            }
        }
        Ok(buffers)
    }

    fn release(self, device: &mut dyn Device) {
        self.tensors.into_iter().chain(self.half).for_each(|buffer| device.release(buffer));
    }
}

/// The pieces of a run.
pub(crate) fn pieces(elements: usize, piece: usize) -> impl Iterator<Item = Range<usize>> {
    (0..elements).step_by(piece).map(move |begin| begin..elements.min(begin + piece))
}

/// The bound of one start. Of a simulation: generous (about 1 k elements a second is a debug build under load) and still
/// an end. Of a board: a piece takes milliseconds, so one that takes seconds does not come back.
pub(crate) fn run_bound(device: &dyn Device, elements: usize) -> Duration {
    match device.describe().simulated {
        true => Duration::from_secs(60 + elements as u64 / 1000),
        false => Duration::from_secs(8),
    }
}

/// A step on a device that is copied to.
struct Run<'a> {
    k: &'a Coefficients,
    scale: f32,
    /// Elements of a start.
    piece: usize,
    buffers: &'a Buffers,
}

impl Run<'_> {
    fn in_pieces(
        &self,
        device: &mut dyn Device,
        tensors: Tensors<'_>,
        report: &mut StepReport,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), DeviceError> {
        let Tensors { params, mut states, grads, mut half } = tensors;
        let (k, buffers) = (self.k, self.buffers);
        let ids = tensor_arguments(k);
        assert_eq!(states.len(), ids.len() - 2, "every buffer has its tensor");
        for here in pieces(params.len(), self.piece) {
            let part = grads.part(here.clone());
            let part_bytes = part.bytes();
            let mut list = arguments(&buffers.tensors, k, here.len() as u32);
            list[argument::GRAD_FORMAT] = Value::U32(part.code());
            list[argument::GRAD_BYTES] = Value::U32(part.byte_length() as u32);
            list[argument::GRAD_SCALE] = Value::F32(self.scale);
            if let Some((half, buffer)) = half.as_ref().zip(buffers.half) {
                list[argument::HALF] = Value::Pointer(buffer);
                list[argument::HALF_FORMAT] = Value::U32(half.format.code());
            }
            let inputs = [&params[here.clone()]].into_iter().chain(states.iter().map(|state| &state[here.clone()]));
            let inputs = inputs.map(bytemuck::cast_slice).chain([part_bytes.as_ref()]);
            let inputs: Vec<&[u8]> = inputs.collect();
            for (buffer, data) in buffers.tensors.iter().zip(&inputs) {
                device.write(buffer, 0, data)?;
            }
            device.start(&list)?;
            device.wait(run_bound(device, here.len()))?;
            let counters = device.counters()?;
            let kernel = device.describe().kernel;
            if let Some(counters) = &counters {
                for (&id, data) in ids.iter().zip(&inputs) {
                    verify(&kernel, counters, id, true, data)?;
                }
                report.count(counters);
            }
            tracing::debug!(elements = here.len(), cycles = report.cycles, "a piece is done");
            let outputs =
                [&mut params[here.clone()]].into_iter().chain(states.iter_mut().map(|state| &mut state[here.clone()]));
            let outputs = outputs.map(bytemuck::cast_slice_mut);
            let copy = half.as_mut().map(|half| bytemuck::cast_slice_mut(&mut half.into[here.clone()]));
            let copied = copy.into_iter().zip(buffers.half.iter()).map(|(data, buffer)| (argument::HALF, buffer, data));
            let outputs = ids.iter().zip(&buffers.tensors).zip(outputs).map(|((&id, buffer), data)| (id, buffer, data));
            for (id, buffer, data) in outputs.chain(copied) {
                device.read(buffer, 0, data)?;
                if let Some(counters) = &counters {
                    verify(&kernel, counters, id, false, data)?;
                }
            }
            progress(here.end as u64);
        }
        Ok(())
    }
}

/// What a pointer argument's stream carried, which the kernel reads or writes.
pub(crate) fn carried<'a>(
    kernel: &KernelConfig,
    counters: &'a Counters,
    id: usize,
    read: bool,
) -> Option<&'a StreamCounters> {
    let ArgumentKind::Pointer { master } = kernel.arguments()[id].kind else { return None };
    let stream = kernel.streams().iter().find(|stream| (stream.read, stream.master) == (read, master))?;
    counters.streams.iter().find(|carried| carried.name == stream.name)
}

/// Compares the kernel's checksum of what a pointer argument's stream carried with that of the host's bytes.
pub(crate) fn verify(
    kernel: &KernelConfig,
    counters: &Counters,
    id: usize,
    read: bool,
    bytes: &[u8],
) -> Result<(), DeviceError> {
    let Some(carried) = carried(kernel, counters, id, read) else { return Ok(()) };
    let sum = Checksum::of(bytes);
    match (sum.a, sum.b) {
        expected if expected == carried.checksum => Ok(()),
        expected => Err(DeviceError::Corrupted { stream: carried.name, found: carried.checksum, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::soft::Soft;
    use crate::device::Description;
    use crate::gradients::Gradients;
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
            let grads = Gradients::Fp32(&[1.0; 16]);
            let tensors = Tensors { params: &mut params, states, grads, half: None };
            match step(&mut device, &k, 1.0, tensors, &mut |_| ()) {
                Ok(report) => assert_eq!((optimizer, report.elements), (Optimizer::AdamW, 16)),
                Err(error) => {
                    assert!(error.refused() && error.to_string().contains("does adamw"), "{error}");
                    assert_eq!(params, [1.0; 16]);
                }
            }
        }
    }
}
