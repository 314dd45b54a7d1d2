//! What the host knows of a board.
//!
//! [`Device`] is the whole contract between the host and a backend: buffers in banks, a start with arguments in the order
//! of `nearfield_abi`, a wait with a bound, registers and counters. [`DeviceSpec`] is the grammar that names devices
//! everywhere, and [`open`] turns a name into a device.

mod error;
#[cfg(any(feature = "sim", feature = "xrt"))]
mod placement;
#[cfg(any(feature = "sim", feature = "xrt"))]
mod registers;
#[cfg(feature = "sim")]
pub mod sim;
pub mod soft;
mod spec;
#[cfg(feature = "xrt")]
pub mod xrt;

pub use error::DeviceError;
pub use spec::{Bdf, DeviceKind, DeviceSpec, SpecError};

use crate::gradients::{Gradients, HalfCopy};
use nearfield_abi::kernel::{ArgumentKind, Kernel, KernelConfig};
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::optimizer::{Coefficients, Optimizer};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
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
    /// The optimizers whose step it does; [`crate::step::step`] refuses the others.
    pub optimizers: &'static [Optimizer],
    /// The bank that an argument's buffer must lie in, in the order of arguments; `None` for scalars.
    pub argument_banks: Vec<Option<u32>>,
    /// Whether the kernel runs under a simulator, slower than a board by orders of magnitude.
    pub simulated: bool,
}

/// Where a buffer's bytes are, and who reaches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BufferKind {
    /// In the device's memory, with a copy on the host that [`Device::write`] and [`Device::read`] keep in agreement.
    Normal,
    /// In the device's memory only; the host cannot reach it.
    DeviceOnly,
    /// In the host's memory, which the kernel reaches over the bus.
    HostOnly,
    /// In the device's memory, which other devices on the bus (an SSD) reach: [`Device::load`] and [`Device::store`] move
    /// the bytes of a file that is open with `O_DIRECT` without a copy through the host.
    PeerToPeer,
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
    /// Both sums of [`nearfield_abi::checksum::Checksum`] of the bytes it carried, `a` first.
    pub checksum: (u64, u64),
}

/// A counter of a kernel that has such counters in place of streams, after a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As `nearfield_abi` names it: [`nearfield_abi::kernel::Counter::name`].
    pub name: String,
    /// Modulo 2^32.
    pub value: u32,
}

/// A kernel's counters after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Cycles from start to done.
    pub cycles: u64,
    /// A stream each, in the order of the registers.
    pub streams: Vec<StreamCounters>,
    /// The other counters, in the order of the registers: [`KernelConfig::counters`].
    pub counts: Vec<Count>,
    /// A gradient was infinite or NaN, before it was scaled.
    pub nonfinite: bool,
    /// The exact sum of the squares of the gradients, of a kernel that makes one.
    pub squares: Option<SquareSum>,
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

    /// Reserves `bytes` of another kind of memory. A device that has no such memory says so.
    ///
    /// # Errors
    ///
    /// As [`Device::allocate`], and [`DeviceError::NoSuchKind`].
    fn allocate_kind(&mut self, bytes: u64, bank: u32, kind: BufferKind) -> Result<Buffer, DeviceError> {
        match kind {
            BufferKind::Normal => self.allocate(bytes, bank),
            _ => Err(DeviceError::NoSuchKind { device: self.describe().name.clone(), kind, why: None }),
        }
    }

    /// Gives a buffer back.
    fn release(&mut self, buffer: Buffer);

    /// Copies `data` into a buffer from byte `offset` on.
    fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError>;

    /// Copies a buffer's bytes from `offset` on into `into`.
    fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError>;

    /// Fills `length` bytes of a buffer from `offset` on with those of `file` from `at` on. Of a file that is open with
    /// `O_DIRECT` all three must be multiples of its block size, 4 KiB.
    ///
    /// # Errors
    ///
    /// [`DeviceError::File`] if the file cannot be read, or is shorter.
    fn load(&mut self, buffer: &Buffer, offset: u64, file: &File, at: u64, length: u64) -> Result<(), DeviceError> {
        load_by_copy(self, buffer, offset, file, at, length)
    }

    /// Writes `length` bytes of a buffer from `offset` on into `file` from `at` on, with the same rule for `O_DIRECT`.
    ///
    /// # Errors
    ///
    /// [`DeviceError::File`] if the file cannot be written.
    fn store(&mut self, buffer: &Buffer, offset: u64, file: &File, at: u64, length: u64) -> Result<(), DeviceError> {
        store_by_copy(self, buffer, offset, file, at, length)
    }

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

/// [`Device::load`] through the host's memory.
fn load_by_copy<D: Device + ?Sized>(
    device: &mut D,
    buffer: &Buffer,
    offset: u64,
    file: &File,
    at: u64,
    length: u64,
) -> Result<(), DeviceError> {
    in_pieces(length, |from, piece| {
        file.read_exact_at(piece, at + from).map_err(|error| DeviceError::File { at: at + from, error })?;
        device.write(buffer, offset + from, piece)
    })
}

/// [`Device::store`] through the host's memory.
fn store_by_copy<D: Device + ?Sized>(
    device: &mut D,
    buffer: &Buffer,
    offset: u64,
    file: &File,
    at: u64,
    length: u64,
) -> Result<(), DeviceError> {
    in_pieces(length, |from, piece| {
        device.read(buffer, offset + from, piece)?;
        file.write_all_at(piece, at + from).map_err(|error| DeviceError::File { at: at + from, error })
    })
}

/// Calls `copy` with the first byte and a buffer of every piece of `length` bytes.
fn in_pieces(length: u64, mut copy: impl FnMut(u64, &mut [u8]) -> Result<(), DeviceError>) -> Result<(), DeviceError> {
    const PIECE: u64 = 1 << 20;
    // Files that are open with O_DIRECT are read into whole pages only.
    const PAGE: usize = 4096;
    let mut memory = vec![0; length.min(PIECE) as usize + PAGE];
    let begin = memory.as_ptr().align_offset(PAGE).min(PAGE);
    let piece = &mut memory[begin..];
    (0..length).step_by(PIECE as usize).try_for_each(|from| {
        let now = (length - from).min(PIECE) as usize;
        copy(from, &mut piece[..now])
    })
}

/// The optimizer step on memory of the host.
pub trait InPlace {
    /// One step on slices of one length, with as many states as the optimizer has; gradients are multiplied by `scale` first.
    /// Says whether one of them was infinite or NaN before that.
    fn step(&mut self, k: &Coefficients, scale: f32, tensors: Tensors<'_>) -> bool;
}

/// The tensors of a flat run, of one length.
pub struct Tensors<'a> {
    /// Parameters, updated.
    pub params: &'a mut [f32],
    /// The optimizer's state, updated, in the order of [`nearfield_model::optimizer::Hyper::states`].
    pub states: Vec<&'a mut [f32]>,
    /// Gradients.
    pub grads: Gradients<'a>,
    /// Where a half-precision copy of the new parameters goes, if one is wanted.
    pub half: Option<HalfCopy<'a>>,
}

/// Opens the device that `spec` names, with its kernel for an optimizer's step. A simulated kernel that is not built yet is built.
pub fn open(spec: &DeviceSpec) -> Result<Box<dyn Device>, DeviceError> {
    open_kernel(spec, spec.kernel())
}

/// Opens the device that `spec` names, with this kernel: the simulated board's one, or the compute unit of the xclbin. `soft` has no
/// kernel and does the work of every one in place.
pub fn open_kernel(spec: &DeviceSpec, kernel: Kernel) -> Result<Box<dyn Device>, DeviceError> {
    tracing::debug!(kernel = kernel.name(), "opening {spec}");
    let device: Box<dyn Device> = match spec.kind {
        DeviceKind::Soft => Box::new(soft::Soft::open(spec.threads)),
        #[cfg(feature = "sim")]
        DeviceKind::Sim(board) => Box::new(sim::Sim::open_kernel(board, spec, kernel)?),
        #[cfg(feature = "xrt")]
        DeviceKind::XrtIndex(_) | DeviceKind::XrtBdf(_) => Box::new(xrt::Xrt::open_kernel(spec, kernel)?),
        #[cfg(all(feature = "sim", feature = "xrt"))]
        DeviceKind::XrtEmulated(_) => Box::new(xrt::Xrt::open_kernel(spec, kernel)?),
        #[cfg(not(all(feature = "sim", feature = "xrt")))]
        _ => return Err(not_in_this_build(spec)),
    };
    tracing::info!(kernel = device.describe().kernel.name(), "opened {spec}");
    Ok(device)
}

#[cfg(not(all(feature = "sim", feature = "xrt")))]
fn not_in_this_build(spec: &DeviceSpec) -> DeviceError {
    let features = match spec.kind {
        DeviceKind::Soft => "",
        DeviceKind::Sim(_) => "sim",
        DeviceKind::XrtIndex(_) | DeviceKind::XrtBdf(_) => "xrt",
        DeviceKind::XrtEmulated(_) => "sim,xrt",
    };
    DeviceError::NotInThisBuild { device: spec.to_string(), features }
}

/// The bank of every argument of a kernel, given the bank of each AXI master.
fn argument_banks(kernel: &KernelConfig, bank: impl Fn(u32) -> u32) -> Vec<Option<u32>> {
    let arguments = kernel.arguments();
    arguments
        .iter()
        .map(|argument| match argument.kind {
            ArgumentKind::Pointer { master } => Some(bank(master)),
            ArgumentKind::U32 | ArgumentKind::F32 => None,
        })
        .collect()
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
