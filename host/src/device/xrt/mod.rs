//! `xrt:INDEX`, `xrt:BDF`, `xrt-emu:BOARD`: a compute unit through the real XRT.
//!
//! XRT aborts where its environment is wrong, spins where a device is gone, waits for any child and signals its process
//! group. So it lives in a helper process, the program `nearfield` under another command: [`Xrt`] asks, `session` in the
//! helper calls. The helper's end, its silence, and the end of an emulated board are errors like any other.
//!
//! With `xrt-emu` the helper is also given an environment of its own and starts the emulated board
//! (`nearfield_sim::emulated`), so that the binary that drives a card is the one that is tested without one.

mod emulation;
mod failure;
mod ffi;
mod library;
mod opening;
mod place;
mod process;
mod program;
mod protocol;
mod serve;
mod session;
mod window;

pub use program::VARIABLE as PROGRAM_VARIABLE;
pub use serve::helper as run_helper;

use super::{
    check_arguments, check_range, load_by_copy, registers, store_by_copy, Buffer, BufferKind, Counters, Description,
    Device, DeviceError, DeviceSpec, Value,
};
use nearfield_abi::kernel::{Kernel, KernelConfig};
use process::{Helper, BOUND};
use protocol::{state, Argument, Reply, Request};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The hidden command of `nearfield` that is the helper.
pub const HELPER_COMMAND: &str = "__xrt-helper";
/// The hidden command of `nearfield` that is the emulated board.
pub const BOARD_COMMAND: &str = "__xrt-board";

/// XRT's library on this machine.
///
/// # Errors
///
/// A sentence that says which package has it, or what is wrong with `XILINX_XRT`.
pub fn installed() -> Result<PathBuf, String> {
    library::find().map(|installed| installed.coreutil)
}

/// How long the helper looks at a run before it says that it has not ended.
const LOOK: Duration = Duration::from_millis(200);
/// The most bytes between a file and a buffer in one request, and how long a disk may take for them.
const FILE_PIECE: u64 = 4 << 20;
const FILE_BOUND: Duration = Duration::from_secs(30);

/// A memory bank as XRT knows it.
#[derive(Clone, Debug)]
struct Bank {
    base: u64,
    bytes: u64,
    /// The host's memory.
    host: bool,
    /// What XRT calls it in an allocation.
    group: u32,
}

/// A buffer that was allocated.
struct Held {
    number: u32,
    buffer: Buffer,
    kind: BufferKind,
}

/// An open compute unit.
pub struct Xrt {
    description: Description,
    helper: Helper,
    banks: Vec<Bank>,
    buffers: BTreeMap<u64, Held>,
    allocations: u64,
}

impl Xrt {
    /// Opens the compute unit of this kernel that `spec` names; the program `nearfield` is looked for (`NEARFIELD_BIN`, this program,
    /// beside it, PATH).
    ///
    /// # Errors
    ///
    /// [`DeviceError::Open`] with what is missing and how to get it, [`DeviceError::WrongKernel`].
    pub fn open_kernel(spec: &DeviceSpec, kernel: Kernel) -> Result<Xrt, DeviceError> {
        let program = program::find().map_err(|what| DeviceError::Open { what })?;
        Xrt::open_with(spec, kernel, &program)
    }

    /// The same with the program at hand.
    ///
    /// # Errors
    ///
    /// As [`Xrt::open_kernel`].
    pub fn open_with(spec: &DeviceSpec, kernel: Kernel, program: &Path) -> Result<Xrt, DeviceError> {
        let name = spec.to_string();
        // It is started in another folder.
        let program = std::path::absolute(program).map_err(|error| DeviceError::Open { what: error.to_string() })?;
        let mut opened = opening::open(spec, kernel, &program)?;
        let mut read = |offset| register(&mut opened.helper, offset);
        let kernel = registers::identify(&name, kernel, opened.config, &mut read).map_err(opening::refused)?;
        let description = Description {
            name,
            kernel,
            lanes: Some(kernel.lanes),
            clock_mhz: spec.clock_mhz.or(spec.board().map(|board| board.clock_mhz)),
            bank_bytes: opened.banks.iter().map(|bank| bank.bytes).collect(),
            optimizers: registers::optimizers(&kernel),
            argument_banks: opened.argument_banks,
            simulated: spec.board().is_some(),
        };
        Ok(Xrt { description, helper: opened.helper, banks: opened.banks, buffers: BTreeMap::new(), allocations: 0 })
    }

    /// The folder XRT works in, which is removed when the device is dropped.
    pub fn folder(&self) -> &Path {
        self.helper.folder()
    }

    fn held(&self, buffer: &Buffer) -> Result<&Held, DeviceError> {
        self.buffers
            .get(&buffer.address)
            .filter(|held| held.buffer == *buffer)
            .ok_or(DeviceError::NoBuffer { address: buffer.address, bytes: buffer.bytes })
    }

    fn done(&mut self, request: &Request) -> Result<(), DeviceError> {
        match self.helper.call(request, BOUND)? {
            Reply::Done => Ok(()),
            other => Err(self.helper.nonsense(&other)),
        }
    }

    /// Between a file and a buffer that XRT has mapped, in pieces.
    fn transfer(
        &mut self,
        length: u64,
        file: &File,
        at: u64,
        request: impl Fn(u64, u64) -> Request,
    ) -> Result<(), DeviceError> {
        for from in (0..length).step_by(FILE_PIECE as usize) {
            let piece = (length - from).min(FILE_PIECE);
            match self.helper.call_with(&request(from, piece), file, FILE_BOUND)? {
                Reply::Done => {}
                Reply::FileFailed { error, number } => {
                    let error = number
                        .map_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, error), io::Error::from_raw_os_error);
                    return Err(DeviceError::File { at: at + from, error });
                }
                other => return Err(self.helper.nonsense(&other)),
            }
        }
        Ok(())
    }

    /// Whether what is linked to a bank also reaches the host's memory. On a card XRT hands out such buffers whatever an
    /// argument is linked to; an emulated board that has the memory links everything to it.
    fn reaches_host_memory(&self, bank: &Bank) -> bool {
        bank.host || self.description.simulated && self.banks.iter().any(|bank| bank.host)
    }

    /// XRT does not say why it gives no buffer: ordinary memory is full, other memory most often not enabled.
    fn no_memory(&self, what: String, bytes: u64, bank: u32, kind: BufferKind) -> DeviceError {
        let device = self.description.name.clone();
        let advice = match kind {
            BufferKind::Normal | BufferKind::DeviceOnly => {
                return DeviceError::OutOfMemory { device, bank, bytes, why: Some(what) };
            }
            BufferKind::HostOnly => {
                "the host memory that the board was given is full, or none was: xbutil configure --host-mem"
            }
            BufferKind::PeerToPeer => {
                "the bank is full, or peer-to-peer is not enabled: xbutil configure --p2p enable, then a warm reboot"
            }
        };
        DeviceError::NoSuchKind { device, kind, why: Some(format!("{what}; {advice}")) }
    }

    fn check_ended_well(&mut self) -> Result<(), DeviceError> {
        let config: KernelConfig = self.description.kernel;
        registers::check_ended_well(&config, &mut |offset| register(&mut self.helper, offset))
    }
}

/// Reads a register through the helper.
fn register(helper: &mut Helper, offset: u32) -> Result<u32, DeviceError> {
    match helper.call(&Request::Register { offset }, BOUND)? {
        Reply::Value(value) => Ok(value),
        other => Err(helper.nonsense(&other)),
    }
}

impl Device for Xrt {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError> {
        self.allocate_kind(bytes, bank, BufferKind::Normal)
    }

    fn allocate_kind(&mut self, bytes: u64, bank: u32, kind: BufferKind) -> Result<Buffer, DeviceError> {
        let device = || self.description.name.clone();
        let banks = self.banks.len();
        let Some(place) = self.banks.get(bank as usize) else {
            return Err(DeviceError::NoSuchBank { device: device(), bank, banks });
        };
        let kind = match (kind, place.host) {
            // All of that memory is the host's.
            (BufferKind::Normal, true) => BufferKind::HostOnly,
            (kind, _) => kind,
        };
        if kind == BufferKind::HostOnly && !self.reaches_host_memory(place) {
            let why = Some("the xclbin links nothing there to the host's memory".into());
            return Err(DeviceError::NoSuchKind { device: device(), kind, why });
        }
        if bytes > place.bytes && kind != BufferKind::HostOnly {
            return Err(DeviceError::OutOfMemory { device: device(), bank, bytes, why: None });
        }
        let request = Request::Allocate {
            bytes,
            group: place.group,
            kind,
            bank_base: place.base,
            bank_end: place.base + place.bytes,
            phase: super::placement::phase(self.allocations),
        };
        // The driver pins as much of the host's memory, or clears it.
        let bound = BOUND + Duration::from_millis(bytes >> 18);
        let (number, address) = match self.helper.call(&request, bound)? {
            Reply::Allocated { buffer, address } => (buffer, address),
            Reply::NoMemory { what } => return Err(self.no_memory(what, bytes, bank, kind)),
            other => return Err(self.helper.nonsense(&other)),
        };
        self.allocations += 1;
        let buffer = Buffer { address, bytes, bank };
        self.buffers.insert(address, Held { number, buffer, kind });
        Ok(buffer)
    }

    fn release(&mut self, buffer: Buffer) {
        if self.held(&buffer).is_err() || !self.helper.is_there() {
            return;
        }
        if let Some(held) = self.buffers.remove(&buffer.address) {
            if let Err(error) = self.done(&Request::Release { buffer: held.number }) {
                tracing::warn!("{error}");
            }
        }
    }

    fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        check_range(buffer, offset, data.len())?;
        let buffer = self.held(buffer)?.number;
        let mut offset = offset;
        for piece in data.chunks(window::BYTES) {
            self.helper.window()[..piece.len()].copy_from_slice(piece);
            let length = piece.len() as u64;
            self.done(&Request::Write { buffer, offset, length })?;
            offset += length;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        check_range(buffer, offset, into.len())?;
        let buffer = self.held(buffer)?.number;
        let mut offset = offset;
        for piece in into.chunks_mut(window::BYTES) {
            let length = piece.len() as u64;
            self.done(&Request::Read { buffer, offset, length })?;
            piece.copy_from_slice(&self.helper.window()[..piece.len()]);
            offset += length;
        }
        Ok(())
    }

    fn load(&mut self, buffer: &Buffer, offset: u64, file: &File, at: u64, length: u64) -> Result<(), DeviceError> {
        check_range(buffer, offset, length as usize)?;
        let &Held { number, kind, .. } = self.held(buffer)?;
        if !matches!(kind, BufferKind::PeerToPeer | BufferKind::HostOnly) {
            return load_by_copy(self, buffer, offset, file, at, length);
        }
        self.transfer(length, file, at, |from, length| Request::Load {
            buffer: number,
            offset: offset + from,
            length,
            at: at + from,
        })
    }

    fn store(&mut self, buffer: &Buffer, offset: u64, file: &File, at: u64, length: u64) -> Result<(), DeviceError> {
        check_range(buffer, offset, length as usize)?;
        let &Held { number, kind, .. } = self.held(buffer)?;
        if !matches!(kind, BufferKind::PeerToPeer | BufferKind::HostOnly) {
            return store_by_copy(self, buffer, offset, file, at, length);
        }
        self.transfer(length, file, at, |from, length| Request::Store {
            buffer: number,
            offset: offset + from,
            length,
            at: at + from,
        })
    }

    fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError> {
        check_arguments(&self.description.kernel, arguments)?;
        let banks = &self.description.argument_banks;
        let passed = arguments.iter().enumerate().map(|(id, value)| {
            Ok(match *value {
                Value::Pointer(buffer) => {
                    let held = self.held(&buffer)?;
                    // XRT does not look, and the kernel would reach for what it is not wired to.
                    if banks[id] != Some(buffer.bank) {
                        let (name, bank) = (self.description.kernel.arguments()[id].name, buffer.bank);
                        let linked = banks[id].map_or("none".to_string(), |bank| bank.to_string());
                        let what = format!("argument {name} is linked to bank {linked}, but its buffer lies in {bank}");
                        return Err(DeviceError::Arguments { what });
                    }
                    Argument::Buffer(held.number)
                }
                Value::Null => Argument::Unset,
                Value::U32(value) => Argument::Word(value),
                Value::F32(value) => Argument::Word(value.to_bits()),
            })
        });
        let arguments = passed.collect::<Result<Vec<_>, DeviceError>>()?;
        self.done(&Request::Start { arguments })
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), DeviceError> {
        let until = Instant::now().checked_add(timeout);
        loop {
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
            let request = Request::Poll { milliseconds: left.min(LOOK).as_millis() as u64 };
            let what = match self.helper.call(&request, BOUND)? {
                Reply::State(state::COMPLETED) => return self.check_ended_well(),
                Reply::State(state::ERROR) => "met an error",
                Reply::State(state::ABORT) => "aborted the run",
                Reply::State(state::TIMEOUT) => "gave the run up",
                Reply::State(state::NO_RESPONSE) => "got no answer from the board",
                Reply::State(_) if left.is_zero() => {
                    // The kernel still runs, and writes: nobody may have its memory before the device was opened again.
                    self.helper.give_up("a run did not end in time");
                    return Err(DeviceError::Timeout { timeout });
                }
                Reply::State(_) => continue,
                other => return Err(self.helper.nonsense(&other)),
            };
            self.helper.give_up("the scheduler did not end a run well");
            let device = self.description.name.clone();
            let advice = "open the device again; xbutil examine says more, xbutil reset brings a board back";
            return Err(DeviceError::Xrt { device, what: format!("XRT's scheduler {what}; {advice}") });
        }
    }

    fn register(&mut self, offset: u32) -> Result<Option<u32>, DeviceError> {
        register(&mut self.helper, offset).map(Some)
    }

    fn counters(&mut self) -> Result<Option<Counters>, DeviceError> {
        let config = self.description.kernel;
        registers::counters(&config, &mut |offset| register(&mut self.helper, offset)).map(Some)
    }
}
