//! `soft`: the step on the host's own cores, bit for bit what the kernel computes.
//!
//! The widest vector unit of the processor is chosen when the device is opened, the run is dealt to all cores, and each
//! element is read and written once. As a [`Device`] it also honours the kernel's arguments, so that everything which
//! drives a board can be tried without one.

pub(crate) mod convert;
mod share;
mod simd;

pub use simd::Level;

use super::{
    argument_banks, check_arguments, check_range, Buffer, Counters, Description, Device, DeviceError, InPlace, Tensors,
    Value,
};
use crate::gradients::{Gradients, HalfCopy, HalfFormat};
use crate::step::state_arguments;
use crate::topk::Stream;
use nearfield_abi::kernel::{smartupdate as argument, Kernel, KernelConfig, AXI_BEAT_BYTES, POINTER_ALIGNMENT};
use nearfield_abi::topk::fault;
use nearfield_model::optimizer::{adagrad, adam, adamw, lion, sgd, Coefficients, Optimizer};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

/// Below this many elements a thread costs more than it brings.
const ELEMENTS_WORTH_A_THREAD: usize = 1 << 15;

/// The host as a device.
pub struct Soft {
    description: Description,
    level: Level,
    threads: usize,
    /// Device memory: address of a buffer to its words.
    memory: BTreeMap<u64, Vec<f32>>,
    next_address: u64,
}

impl Soft {
    /// Opens the device with this many threads, or one a core.
    pub fn open(threads: Option<usize>) -> Soft {
        Soft::with_level(threads, Level::detect())
    }

    /// Opens the device with a vector unit chosen by the caller, who got it from [`Level::available`].
    pub fn with_level(threads: Option<usize>, level: Level) -> Soft {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let kernel = KernelConfig { kernel: Kernel::SmartUpdate, lanes: 1, ports: 0 };
        Soft {
            description: Description {
                name: "soft".into(),
                kernel,
                lanes: None,
                clock_mhz: None,
                optimizers: &Optimizer::ALL,
                // No limit but the host's own memory.
                bank_bytes: vec![u64::MAX],
                argument_banks: argument_banks(&kernel, |_| 0),
                simulated: false,
            },
            level,
            threads: threads.unwrap_or(cores),
            memory: BTreeMap::new(),
            next_address: u64::from(AXI_BEAT_BYTES),
        }
    }

    /// A run on buffers: parameters, states, gradients and, if there is one, the half copy.
    fn run(
        &mut self,
        run: &Arguments<'_>,
        k: &Coefficients,
        elements: usize,
        format: Option<HalfFormat>,
        buffers: &mut [(u64, Vec<f32>)],
    ) -> Result<(), DeviceError> {
        let (buffers, copy) = buffers.split_at_mut(buffers.len() - usize::from(format.is_some()));
        let [(_, params), states @ .., (_, grads)] = buffers else { return Ok(()) };
        let grads = run.gradients(bytemuck::cast_slice(grads), elements)?;
        let half = format.zip(copy.first_mut()).map(|(format, (_, words))| {
            let halves: &mut [u16] = bytemuck::cast_slice_mut(words);
            HalfCopy { format, into: &mut halves[..elements] }
        });
        let states = states.iter_mut().map(|(_, state)| &mut state[..elements]).collect();
        let tensors = Tensors { params: &mut params[..elements], states, grads, half };
        self.step(k, run.f32(argument::GRAD_SCALE), tensors);
        Ok(())
    }

    fn words(&mut self, buffer: &Buffer) -> Result<&mut Vec<f32>, DeviceError> {
        let missing = DeviceError::NoBuffer { address: buffer.address, bytes: buffer.bytes };
        self.memory.get_mut(&buffer.address).ok_or(missing)
    }
}

impl InPlace for Soft {
    fn step(&mut self, k: &Coefficients, scale: f32, tensors: Tensors<'_>) -> bool {
        let n = tensors.params.len();
        let copied = tensors.half.as_ref().map(|half| half.into.len());
        let lengths = tensors.states.iter().map(|state| state.len()).chain([tensors.grads.len()]).chain(copied);
        assert!(lengths.into_iter().all(|length| length == n), "the tensors have one length");
        let threads = self.threads.min(n.div_ceil(ELEMENTS_WORTH_A_THREAD)).max(1);
        let level = self.level;
        if threads == 1 {
            return share::step(level, k, scale, tensors);
        }
        // Whole cache lines a thread, and gradients are cut where they can be.
        let each = n.div_ceil(threads).next_multiple_of(tensors.grads.granule().max(16));
        let Tensors { mut params, mut states, grads, half } = tensors;
        let format = half.as_ref().map(|half| half.format);
        let mut copy = half.map_or(&mut [][..], |half| half.into);
        std::thread::scope(|scope| {
            let mut working = Vec::new();
            for begin in (0..n).step_by(each) {
                let here = each.min(n - begin);
                let tensors = Tensors {
                    params: first(&mut params, here),
                    states: states.iter_mut().map(|state| first(state, here)).collect(),
                    grads: grads.part(begin..begin + here),
                    half: format.map(|format| HalfCopy { format, into: first(&mut copy, here) }),
                };
                working.push(scope.spawn(move || share::step(level, k, scale, tensors)));
            }
            let mut nonfinite = false;
            for thread in working {
                nonfinite |= thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
            nonfinite
        })
    }
}

/// Takes the first `length` elements off a slice.
fn first<'a, T>(slice: &mut &'a mut [T], length: usize) -> &'a mut [T] {
    let (first, rest) = std::mem::take(slice).split_at_mut(length);
    *slice = rest;
    first
}

impl Device for Soft {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError> {
        if bank != 0 {
            return Err(DeviceError::NoSuchBank { device: self.description.name.clone(), bank, banks: 1 });
        }
        let out_of_memory = || DeviceError::OutOfMemory { device: "soft".into(), bank, bytes, why: None };
        let length = usize::try_from(bytes.div_ceil(4)).map_err(|_| out_of_memory())?;
        let mut words = Vec::new();
        words.try_reserve_exact(length).map_err(|_| out_of_memory())?;
        words.resize(length, 0.0);
        let address = self.next_address;
        self.next_address += bytes.max(1).next_multiple_of(u64::from(AXI_BEAT_BYTES));
        self.memory.insert(address, words);
        Ok(Buffer { address, bytes, bank })
    }

    fn release(&mut self, buffer: Buffer) {
        self.memory.remove(&buffer.address);
    }

    fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        check_range(buffer, offset, data.len())?;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.words(buffer)?);
        bytes[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }

    fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        check_range(buffer, offset, into.len())?;
        let bytes: &[u8] = bytemuck::cast_slice(self.words(buffer)?);
        into.copy_from_slice(&bytes[offset as usize..][..into.len()]);
        Ok(())
    }

    fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError> {
        check_arguments(&self.description.kernel, arguments)?;
        let run = Arguments(arguments);
        run.check(&self.description.kernel)?;
        let k = run.coefficients();
        let elements = run.u32(argument::ELEMENTS) as usize;
        let half = run.half_format();
        let copied = half.map(|_| argument::HALF);
        let ids = [argument::PARAMS].into_iter().chain(state_arguments(&k).iter().copied());
        let ids: Vec<usize> = ids.chain([argument::GRADS]).chain(copied).collect();
        // Taken out of the map for the run, so that all buffers can be borrowed at once, and put back after it.
        let mut taken: Vec<(u64, Vec<f32>)> = Vec::new();
        let mut missing = None;
        for id in ids {
            let (buffer, bytes) = (run.buffer(id), run.bytes(id, elements));
            match self.memory.remove(&buffer.address) {
                Some(words) if 4 * words.len() as u64 >= bytes => taken.push((buffer.address, words)),
                short => {
                    if let Some(words) = short {
                        taken.push((buffer.address, words));
                    }
                    missing = Some(DeviceError::NoBuffer { address: buffer.address, bytes });
                    break;
                }
            }
        }
        let done = match missing {
            Some(error) => Err(error),
            None => self.run(&run, &k, elements, half, &mut taken),
        };
        self.memory.extend(taken);
        done
    }

    fn wait(&mut self, _timeout: Duration) -> Result<(), DeviceError> {
        // `start` has done the work.
        Ok(())
    }

    fn register(&mut self, _offset: u32) -> Result<Option<u32>, DeviceError> {
        Ok(None)
    }

    fn counters(&mut self) -> Result<Option<Counters>, DeviceError> {
        Ok(None)
    }

    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        Some(self)
    }
}

/// The kernel's arguments; their kinds have been checked.
struct Arguments<'a>(&'a [Value]);

impl Arguments<'_> {
    fn u32(&self, id: usize) -> u32 {
        match self.0[id] {
            Value::U32(value) => value,
            _ => 0,
        }
    }

    fn f32(&self, id: usize) -> f32 {
        match self.0[id] {
            Value::F32(value) => value,
            _ => 0.0,
        }
    }

    fn buffer(&self, id: usize) -> Buffer {
        match self.0[id] {
            Value::Pointer(buffer) => buffer,
            _ => Buffer { address: 0, bytes: 0, bank: 0 },
        }
    }

    fn is_stream(&self) -> bool {
        self.u32(argument::GRAD_FORMAT) & argument::grad_format::TOPK != 0
    }

    fn half_format(&self) -> Option<HalfFormat> {
        HalfFormat::ALL.into_iter().find(|format| format.code() == self.u32(argument::HALF_FORMAT))
    }

    /// Bytes of a pointer's buffer that a run of `elements` uses.
    fn bytes(&self, id: usize, elements: usize) -> u64 {
        let elements = elements as u64;
        match id {
            argument::GRADS if self.is_stream() => u64::from(self.u32(argument::GRAD_BYTES)),
            argument::GRADS => {
                elements * argument::grad_format::value_bytes(self.u32(argument::GRAD_FORMAT)).unwrap_or(4)
            }
            argument::HALF => 2 * elements,
            _ => 4 * elements,
        }
    }

    /// The gradients of a run, whose formats have been checked; a stream is checked here.
    fn gradients<'a>(&self, words: &'a [u8], elements: usize) -> Result<Gradients<'a>, DeviceError> {
        use argument::grad_format;
        let bytes = &words[..self.bytes(argument::GRADS, elements) as usize];
        Ok(match self.u32(argument::GRAD_FORMAT) {
            grad_format::FP32 => Gradients::Fp32(bytemuck::cast_slice(bytes)),
            grad_format::FP16 => Gradients::Fp16(bytemuck::cast_slice(bytes)),
            grad_format::BF16 => Gradients::Bf16(bytemuck::cast_slice(bytes)),
            code => {
                let stream = Stream::parse(bytes).map_err(|malformed| DeviceError::Stream {
                    chunk: malformed.chunk.unwrap_or(0) as u32,
                    fault: malformed.rule.fault(),
                })?;
                let fits = stream.elements() == elements as u64 && stream.format().code() == code & !grad_format::TOPK;
                if !fits {
                    return Err(DeviceError::Stream { chunk: 0, fault: fault::HEADER });
                }
                Gradients::TopK(stream)
            }
        })
    }

    /// Refuses what the kernel refuses.
    fn check(&self, kernel: &KernelConfig) -> Result<(), DeviceError> {
        use argument::{flag, grad_format, half_format, optimizer};
        let wrong = [
            (argument::ELEMENTS, self.u32(argument::ELEMENTS) == 0),
            (argument::ELEMENTS, self.is_stream() && self.u32(argument::ELEMENTS) > argument::MAX_TOPK_ELEMENTS),
            (argument::FLAGS, self.u32(argument::FLAGS) & !flag::ALL != 0),
            (argument::OPTIMIZER, self.u32(argument::OPTIMIZER) >= optimizer::COUNT),
            (argument::GRAD_FORMAT, !grad_format::is_known(self.u32(argument::GRAD_FORMAT))),
            (
                argument::GRAD_BYTES,
                self.is_stream() && !u64::from(self.u32(argument::GRAD_BYTES)).is_multiple_of(POINTER_ALIGNMENT),
            ),
            (argument::HALF_FORMAT, self.u32(argument::HALF_FORMAT) > half_format::BF16),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            None => Ok(()),
            Some(&(id, _)) => Err(DeviceError::KernelArgument { argument: kernel.arguments()[id].name.to_string() }),
        }
    }

    fn coefficients(&self) -> Coefficients {
        use argument::{flag, optimizer};
        let word = |id| self.f32(id);
        let (beta1, c1, beta2, c2) =
            (word(argument::BETA1), word(argument::C1), word(argument::BETA2), word(argument::C2));
        let (bias2, eps, step_size, decay) =
            (word(argument::BIAS2), word(argument::EPS), word(argument::STEP_SIZE), word(argument::DECAY));
        let set = |flag: u32| self.u32(argument::FLAGS) & flag != 0;
        let weight_decay = set(flag::WEIGHT_DECAY);
        match self.u32(argument::OPTIMIZER) {
            optimizer::ADAM => Coefficients::Adam(adam::Coefficients {
                beta1,
                c1,
                beta2,
                c2,
                bias2,
                eps,
                step_size,
                decay,
                weight_decay,
            }),
            optimizer::ADAGRAD => Coefficients::Adagrad(adagrad::Coefficients { eps, step_size, decay, weight_decay }),
            optimizer::LION => {
                Coefficients::Lion(lion::Coefficients { beta1, c1, beta2, c2, step_size, decay, weight_decay })
            }
            optimizer::SGD => {
                let momentum = if set(flag::MOMENTUM) { beta1 } else { 0.0 };
                let (first, nesterov) = (set(flag::FIRST_STEP), set(flag::NESTEROV));
                Coefficients::Sgd(sgd::Coefficients { momentum, c1, step_size, decay, weight_decay, first, nesterov })
            }
            _ => Coefficients::AdamW(adamw::Coefficients {
                beta1,
                c1,
                beta2,
                c2,
                bias2,
                eps,
                step_size,
                decay,
                weight_decay,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
