//! The helper's side of an open device: every request, answered with calls of XRT.

use super::failure::CallError;
use super::ffi::{Buffer, Device, Direction, Kernel, Run, Xrt};
use super::protocol::{state, Argument, Reply, Request, Target};
use crate::device::{placement, BufferKind};
use nearfield_abi::kernel::POINTER_ALIGNMENT;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

/// The shortest and the longest pause between two looks at a run.
const PAUSES: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// Flags of an allocation, as `xrt_mem.h` has them.
fn flags(kind: BufferKind) -> u64 {
    match kind {
        BufferKind::Normal => 0,
        BufferKind::DeviceOnly => 1 << 28,
        BufferKind::HostOnly => 1 << 29,
        BufferKind::PeerToPeer => 1 << 30,
    }
}

struct Held {
    buffer: Rc<Buffer>,
    kind: BufferKind,
}

/// An open device with its compute unit.
pub struct Session {
    // In this order: what is made from something is dropped before it.
    run: Run,
    buffers: BTreeMap<u32, Held>,
    next: u32,
    kernel: Kernel,
    device: Device,
}

/// What went wrong with a request, for people.
type Failure = String;

impl Session {
    /// Opens device and compute unit; gives the memory groups of `pointers` besides.
    pub fn open(
        library: &Path,
        target: &Target,
        xclbin: &Path,
        unit: &str,
        pointers: &[usize],
    ) -> Result<(Session, Vec<u32>), Failure> {
        let xrt = Xrt::load(library).map_err(|error| {
            format!("{} cannot be loaded: {error}; install XRT again, or set XILINX_XRT to another", library.display())
        })?;
        let device = match target {
            Target::Index(index) => xrt.open_index(*index),
            Target::Bdf(bdf) => xrt.open_bdf(bdf),
        };
        let device = device.map_err(|error| format!("{error}; xbutil examine lists the devices XRT can open"))?;
        match Session::on(device.clone(), xclbin, unit, pointers) {
            Ok(opened) => Ok(opened),
            Err(why) => {
                // Closing may hang, and takes an emulated board along, before anybody has heard why. This process is at its
                // end anyway.
                std::mem::forget(device);
                Err(why)
            }
        }
    }

    fn on(device: Device, xclbin: &Path, unit: &str, pointers: &[usize]) -> Result<(Session, Vec<u32>), Failure> {
        let uuid = device.load(xclbin).map_err(|error| {
            format!(
                "{error}; an xclbin must be built for the shell of this very board, and no other program may use the board"
            )
        })?;
        let kernel = device.kernel(&uuid, unit).map_err(|error| {
            format!(
                "{error}; another program may hold the compute unit, or the xclbin lacks it (nearfield xclbin info)"
            )
        })?;
        let groups: Result<Vec<u32>, CallError> = pointers.iter().map(|&argument| kernel.group(argument)).collect();
        let groups = groups.map_err(|error| format!("{error}; the kernel in the xclbin has other arguments"))?;
        let run = kernel.run().map_err(text)?;
        Ok((Session { run, buffers: BTreeMap::new(), next: 0, kernel, device }, groups))
    }

    /// Answers a request. `window` is the shared memory, `file` what came beside the request, `silence` how long the
    /// emulated board has been silent, where there is one.
    pub fn answer(
        &mut self,
        request: Request,
        window: &mut [u8],
        file: Option<File>,
        silence: &dyn Fn() -> Option<Duration>,
    ) -> Result<Reply, Failure> {
        match request {
            Request::Open { .. } => Err("the device is open already".into()),
            Request::Allocate { bytes, group, kind, bank_base, bank_end, phase } => {
                self.allocate(bytes, group, kind, bank_base..bank_end, phase)
            }
            Request::Release { buffer } => match self.buffers.remove(&buffer) {
                Some(_) => Ok(Reply::Done),
                None => Err(unknown(buffer)),
            },
            Request::Write { buffer, offset, length } => {
                let held = self.held(buffer)?;
                let data = window.get(..length as usize).ok_or("more than the window holds")?;
                held.buffer.copy_in(offset as usize, data).map_err(text)?;
                if held.kind == BufferKind::Normal {
                    held.buffer.sync(Direction::ToDevice, offset as usize, length as usize).map_err(text)?;
                }
                Ok(Reply::Done)
            }
            Request::Read { buffer, offset, length } => {
                let held = self.held(buffer)?;
                let into = window.get_mut(..length as usize).ok_or("more than the window holds")?;
                if held.kind == BufferKind::Normal {
                    held.buffer.sync(Direction::FromDevice, offset as usize, length as usize).map_err(text)?;
                }
                held.buffer.copy_out(offset as usize, into).map_err(text)?;
                Ok(Reply::Done)
            }
            Request::Load { buffer, offset, length, at } => {
                let (buffer, file) = (&self.held(buffer)?.buffer, file.ok_or("no file came with the request")?);
                let done = buffer.load(offset as usize, length as usize, &file, at).map_err(text)?;
                Ok(file_reply(done))
            }
            Request::Store { buffer, offset, length, at } => {
                let (buffer, file) = (&self.held(buffer)?.buffer, file.ok_or("no file came with the request")?);
                let done = buffer.store(offset as usize, length as usize, &file, at).map_err(text)?;
                Ok(file_reply(done))
            }
            Request::Start { arguments } => self.start(&arguments),
            Request::Poll { milliseconds } => Ok(self.poll(Duration::from_millis(milliseconds), silence)),
            Request::Register { offset } => self.kernel.register(offset).map(Reply::Value).map_err(text),
            Request::Close => Err("a session ends by being dropped".into()),
        }
    }

    fn held(&self, buffer: u32) -> Result<&Held, Failure> {
        match self.buffers.get(&buffer) {
            Some(Held { kind: BufferKind::DeviceOnly, .. }) => {
                Err("a device-only buffer cannot be reached from the host; allocate a normal one".into())
            }
            Some(held) => Ok(held),
            None => Err(unknown(buffer)),
        }
    }

    /// Allocates with room to begin at the wanted phase; where there is none, anywhere.
    fn allocate(
        &mut self,
        bytes: u64,
        group: u32,
        kind: BufferKind,
        bank: std::ops::Range<u64>,
        phase: u64,
    ) -> Result<Reply, Failure> {
        let flags = flags(kind);
        let bytes = usize::try_from(bytes.max(1)).map_err(|_| "more than this machine can address")?;
        // A card without DMA takes whole beats only.
        let beats = POINTER_ALIGNMENT as usize;
        let whole =
            |bytes: usize| self.device.allocate(bytes.checked_next_multiple_of(beats).unwrap_or(bytes), flags, group);
        // The host's own memory has no banks to take care of, and XRT makes no parts of a buffer that it does not map.
        let staggered = matches!(kind, BufferKind::Normal | BufferKind::PeerToPeer);
        let roomy = bytes.checked_add(placement::PERIOD as usize).filter(|_| staggered).map(whole);
        let buffer = match roomy {
            Some(Ok(parent)) => {
                let parent = Rc::new(parent);
                let at = parent.address().wrapping_sub(bank.start) % placement::PERIOD;
                let offset = (placement::PERIOD + phase - at) % placement::PERIOD;
                parent.part(bytes, offset as usize).map_err(text)?
            }
            _ => match whole(bytes) {
                Ok(buffer) => buffer,
                Err(error) => return Ok(Reply::NoMemory { what: text(error) }),
            },
        };
        let address = buffer.address();
        // Hardware emulation hands out address 0 where the device refused, and no error.
        let lies_in_bank = kind == BufferKind::HostOnly
            || address >= bank.start && address.checked_add(bytes as u64).is_some_and(|end| end <= bank.end);
        if !lies_in_bank {
            let what = format!("the buffer that XRT gave lies at {address:#x}, outside its bank");
            return Ok(Reply::NoMemory { what });
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.buffers.insert(number, Held { buffer: Rc::new(buffer), kind });
        Ok(Reply::Allocated { buffer: number, address })
    }

    fn start(&mut self, arguments: &[Argument]) -> Result<Reply, Failure> {
        for (id, argument) in arguments.iter().enumerate() {
            match *argument {
                Argument::Unset => self.run.set_bytes(id, &0u64.to_le_bytes()),
                Argument::Word(value) => self.run.set_bytes(id, &value.to_le_bytes()),
                Argument::Buffer(number) => {
                    let held = self.buffers.get(&number).ok_or_else(|| unknown(number))?;
                    self.run.set_buffer(id, &held.buffer)
                }
            }
            .map_err(text)?;
        }
        self.run.start().map_err(text)?;
        Ok(Reply::Done)
    }

    /// Looks at the run until it has ended or time is up. XRT's own wait sleeps for seconds, and has no bound of use.
    fn poll(&self, bound: Duration, silence: &dyn Fn() -> Option<Duration>) -> Reply {
        let until = Instant::now() + bound;
        let mut pause = PAUSES.0;
        loop {
            let now = self.run.state();
            let ended =
                matches!(now, state::COMPLETED | state::ERROR | state::ABORT | state::TIMEOUT | state::NO_RESPONSE);
            if ended {
                return Reply::State(now);
            }
            if let Some(silent) = silence().filter(|&silent| silent > super::process::BOUND) {
                return Reply::Silent { seconds: silent.as_secs() };
            }
            if Instant::now() >= until {
                return Reply::State(now);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

fn file_reply(done: std::io::Result<()>) -> Reply {
    match done {
        Ok(()) => Reply::Done,
        Err(error) => Reply::FileFailed { error: error.to_string(), number: error.raw_os_error() },
    }
}

fn unknown(buffer: u32) -> Failure {
    format!("there is no buffer {buffer}; it was released or never allocated")
}

fn text(error: CallError) -> Failure {
    error.to_string()
}
