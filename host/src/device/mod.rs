//! What the host knows of a board.
//!
//! [`Device`] is the whole contract between the host and a backend: buffers in banks, a start with arguments in the order
//! of `nearfield_abi`, a wait with a bound, registers and counters. [`DeviceSpec`] is the grammar that names devices
//! everywhere, and [`open`] turns a name into a device.

mod error;
#[cfg(feature = "sim")]
pub mod sim;
pub mod soft;
mod spec;

pub use error::DeviceError;
pub use spec::{DeviceKind, DeviceSpec, SpecError};

use nearfield_abi::board::Board;
use nearfield_abi::kernel::{ArgumentKind, KernelConfig};
use nearfield_model::optimizer::adamw::Coefficients;
use std::time::Duration;

/// What a device is.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The device as a person would name it: `soft`, `sim:ideal`.
    pub name: String,
    /// The kernel it holds.
    pub kernel: KernelConfig,
    /// Elements a cycle, or `None` where there is no clocked kernel.
    pub lanes: Option<u32>,
    /// Kernel clock in MHz, where there is one.
    pub clock_mhz: Option<f64>,
    /// Bytes of each memory bank.
    pub bank_bytes: Vec<u64>,
}

/// A piece of device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Device address of the first byte, a multiple of [`nearfield_abi::kernel::POINTER_ALIGNMENT`].
    pub address: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// The bank it lies in.
    pub bank: u32,
}

/// The value of a kernel argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A buffer, passed as its address.
    Pointer(Buffer),
    /// No buffer: address 0, for a pointer this start does not use.
    Null,
    /// A 32-bit unsigned number.
    U32(u32),
    /// A 32-bit float.
    F32(f32),
}

/// One stream's counters after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCounters {
    /// The stream, as `nearfield_abi` names it.
    pub name: &'static str,
    /// Beats transferred.
    pub beats: u64,
    /// Cycles in which one side waited for the other.
    pub stalls: u64,
}

/// A kernel's counters after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Cycles from start to done.
    pub cycles: u64,
    /// A stream each, in the order of the registers.
    pub streams: Vec<StreamCounters>,
}

/// A device with one kernel, open and idle.
///
/// The calls of a run are: `write` the inputs, `start`, `wait`, `read` the outputs. Between `start` and the end of `wait`
/// only `wait` may be called.
pub trait Device: Send {
    /// What the device is.
    fn describe(&self) -> &Description;

    /// Reserves `bytes` in `bank`.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoSuchBank`], or [`DeviceError::OutOfMemory`] when the bank has no free piece that long.
    fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError>;

    /// Gives a buffer back.
    fn release(&mut self, buffer: Buffer);

    /// Copies `data` into a buffer from byte `offset` on.
    fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError>;

    /// Copies a buffer's bytes from `offset` on into `into`.
    fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError>;

    /// Starts the kernel. `arguments` are in the order of [`KernelConfig::arguments`].
    fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError>;

    /// Waits until the run has ended, at most this long, and reports the error it ended with, if any.
    fn wait(&mut self, timeout: Duration) -> Result<(), DeviceError>;

    /// Reads a 32-bit register of the kernel, or `None` where the device has no registers.
    fn register(&mut self, offset: u32) -> Result<Option<u32>, DeviceError>;

    /// The counters of the last run, or `None` where there is no clocked kernel.
    fn counters(&mut self) -> Result<Option<Counters>, DeviceError>;

    /// A device that computes on the caller's own memory offers it here, and the step copies nothing.
    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        None
    }
}

/// The optimizer step on memory of the host.
pub trait InPlace {
    /// One step on four slices of one length.
    fn step(&mut self, k: &Coefficients, tensors: Tensors<'_>);
}

/// The four tensors of a flat run, of one length.
pub struct Tensors<'a> {
    /// Parameters, updated.
    pub params: &'a mut [f32],
    /// First moments, updated.
    pub exp_avg: &'a mut [f32],
    /// Second moments, updated.
    pub exp_avg_sq: &'a mut [f32],
    /// Gradients.
    pub grads: &'a [f32],
}

/// Opens the device that `spec` names. A simulated kernel that is not built yet is built.
pub fn open(spec: &DeviceSpec) -> Result<Box<dyn Device>, DeviceError> {
    let device: Box<dyn Device> = match spec.kind {
        DeviceKind::Soft => Box::new(soft::Soft::open(spec.threads)),
        DeviceKind::Sim(board) => open_simulated(board, spec)?,
    };
    tracing::info!(kernel = device.describe().kernel.name(), "opened {spec}");
    Ok(device)
}

#[cfg(feature = "sim")]
fn open_simulated(board: &'static Board, spec: &DeviceSpec) -> Result<Box<dyn Device>, DeviceError> {
    Ok(Box::new(sim::Sim::open(board, spec)?))
}

#[cfg(not(feature = "sim"))]
fn open_simulated(board: &'static Board, _spec: &DeviceSpec) -> Result<Box<dyn Device>, DeviceError> {
    Err(DeviceError::NotInThisBuild { device: format!("sim:{}", board.name), feature: "sim" })
}

/// Refuses a list of arguments that does not fit the kernel's: a mistake of the host's own code, caught before hardware
/// sees it.
fn check_arguments(kernel: &KernelConfig, values: &[Value]) -> Result<(), DeviceError> {
    let arguments = kernel.arguments();
    if arguments.len() != values.len() {
        return Err(DeviceError::Arguments {
            what: format!("{} takes {} arguments, but {} were given", kernel.name(), arguments.len(), values.len()),
        });
    }
    for (argument, value) in arguments.iter().zip(values) {
        let fits = matches!(
            (argument.kind, value),
            (ArgumentKind::Pointer { .. }, Value::Pointer(_) | Value::Null)
                | (ArgumentKind::U32, Value::U32(_))
                | (ArgumentKind::F32, Value::F32(_))
        );
        if !fits {
            let what = format!("argument {} of {} cannot be {value:?}", argument.name, kernel.name());
            return Err(DeviceError::Arguments { what });
        }
    }
    Ok(())
}

/// Refuses a copy that would leave its buffer.
fn check_range(buffer: &Buffer, offset: u64, length: usize) -> Result<(), DeviceError> {
    match offset.checked_add(length as u64) {
        Some(end) if end <= buffer.bytes => Ok(()),
        _ => Err(DeviceError::OutsideBuffer { offset, length, bytes: buffer.bytes }),
    }
}
