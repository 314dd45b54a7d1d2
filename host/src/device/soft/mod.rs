//! `soft`: the step on the host's own cores, bit for bit what the kernel computes.
//!
//! The widest vector unit of the processor is chosen when the device is opened, the run is dealt to all cores, and each
//! element is read and written once. As a [`Device`] it also honours the kernel's arguments, so that everything which
//! drives a board can be tried without one.

mod simd;

pub use simd::Level;

use super::{
    argument_banks, check_arguments, check_range, Buffer, Counters, Description, Device, DeviceError, InPlace, Tensors,
    Value,
};
use nearfield_abi::kernel::{smartupdate as argument, KernelConfig, AXI_BEAT_BYTES};
use nearfield_model::optimizer::adamw;
use nearfield_model::optimizer::{Coefficients, Optimizer};
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
        Soft {
            description: Description {
                name: "soft".into(),
                kernel: KernelConfig::all()[0],
                lanes: None,
                clock_mhz: None,
                optimizers: &Optimizer::ALL,
                // No limit but the host's own memory.
                bank_bytes: vec![u64::MAX],
                argument_banks: argument_banks(&KernelConfig::all()[0], |_| 0),
                simulated: false,
            },
            level,
            threads: threads.unwrap_or(cores),
            memory: BTreeMap::new(),
            next_address: u64::from(AXI_BEAT_BYTES),
        }
    }

    fn words(&mut self, buffer: &Buffer) -> Result<&mut Vec<f32>, DeviceError> {
        let missing = DeviceError::NoBuffer { address: buffer.address, bytes: buffer.bytes };
        self.memory.get_mut(&buffer.address).ok_or(missing)
    }
}

impl InPlace for Soft {
    fn step(&mut self, k: &Coefficients, tensors: Tensors<'_>) {
        let Tensors { mut params, mut states, mut grads } = tensors;
        let n = params.len();
        let one_length = states.iter().map(|state| state.len()).chain([grads.len()]).all(|length| length == n);
        assert!(one_length, "the tensors have one length");
        let threads = self.threads.min(n.div_ceil(ELEMENTS_WORTH_A_THREAD)).max(1);
        let level = self.level;
        if threads == 1 {
            return level.step(k, params, &mut states, grads);
        }
        // Whole cache lines a thread.
        let share = n.div_ceil(threads).next_multiple_of(16);
        std::thread::scope(|scope| {
            while !params.is_empty() {
                let here = share.min(params.len());
                let p = first(&mut params, here);
                let mut s: Vec<&mut [f32]> = states.iter_mut().map(|state| first(state, here)).collect();
                let g;
                (g, grads) = grads.split_at(here);
                scope.spawn(move || level.step(k, p, &mut s, g));
            }
        });
    }
}

/// Takes the first `length` elements off a slice.
fn first<'a>(slice: &mut &'a mut [f32], length: usize) -> &'a mut [f32] {
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
        let k = Coefficients::AdamW(run.coefficients());
        let elements = run.u32(argument::ELEMENTS) as usize;
        let ids = [argument::PARAMS, argument::EXP_AVG, argument::EXP_AVG_SQ, argument::GRADS];
        // Taken out of the map for the run, so that four buffers can be borrowed at once, and put back after it.
        let mut taken: Vec<(u64, Vec<f32>)> = Vec::new();
        let mut missing = None;
        for id in ids {
            let buffer = run.buffer(id);
            match self.memory.remove(&buffer.address) {
                Some(words) if words.len() >= elements => taken.push((buffer.address, words)),
                short => {
                    if let Some(words) = short {
                        taken.push((buffer.address, words));
                    }
                    missing = Some(DeviceError::NoBuffer { address: buffer.address, bytes: 4 * elements as u64 });
                    break;
                }
            }
        }
        if missing.is_none() {
            if let [(_, p), (_, m), (_, v), (_, g)] = taken.as_mut_slice() {
                let tensors = Tensors {
                    params: &mut p[..elements],
                    states: vec![&mut m[..elements], &mut v[..elements]],
                    grads: &g[..elements],
                };
                self.step(&k, tensors);
            }
        }
        self.memory.extend(taken);
        missing.map_or(Ok(()), Err)
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

    /// Refuses what the kernel refuses.
    fn check(&self, kernel: &KernelConfig) -> Result<(), DeviceError> {
        use argument::{flag, grad_format, half_format};
        let wrong = [
            (argument::ELEMENTS, self.u32(argument::ELEMENTS) == 0),
            (argument::FLAGS, self.u32(argument::FLAGS) & !flag::WEIGHT_DECAY != 0),
            (argument::GRAD_FORMAT, self.u32(argument::GRAD_FORMAT) != grad_format::FP32),
            (argument::HALF_FORMAT, self.u32(argument::HALF_FORMAT) != half_format::NONE),
            (argument::GRAD_SCALE, self.f32(argument::GRAD_SCALE) != 1.0),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            None => Ok(()),
            Some(&(id, _)) => Err(DeviceError::KernelArgument { argument: kernel.arguments()[id].name.to_string() }),
        }
    }

    fn coefficients(&self) -> adamw::Coefficients {
        adamw::Coefficients {
            beta1: self.f32(argument::BETA1),
            c1: self.f32(argument::C1),
            beta2: self.f32(argument::BETA2),
            c2: self.f32(argument::C2),
            bias2: self.f32(argument::BIAS2),
            eps: self.f32(argument::EPS),
            step_size: self.f32(argument::STEP_SIZE),
            decay: self.f32(argument::DECAY),
            weight_decay: self.u32(argument::FLAGS) & argument::flag::WEIGHT_DECAY != 0,
        }
    }
}

#[cfg(test)]
mod tests;
