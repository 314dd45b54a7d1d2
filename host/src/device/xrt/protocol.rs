//! What a program and its helper say to each other.
//!
//! A frame is a length (u32, little-endian) and that many bytes of JSON. The program sends a [`Request`] and waits for the
//! [`Reply`] to it; while a device with an emulated board is opened, the helper sends [`Reply::Alive`] in between. Bulk data lies in
//! a window of shared memory ([`super::window`]); files travel beside a frame, as descriptors.

use crate::device::BufferKind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// What both sides must agree on: the version of this program. A library and a program of different versions refuse each
/// other.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Frames are short; a longer one is nonsense.
const LONGEST_FRAME: usize = 1 << 20;

/// Which device XRT is asked to open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// XRT's number.
    Index(u32),
    /// The place on the bus.
    Bdf(String),
}

/// The emulated board that a helper starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Emulation {
    /// The words after `nearfield __xrt-board`.
    pub arguments: Vec<String>,
}

/// The value of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Argument {
    /// A buffer, by its number.
    Buffer(u32),
    /// A pointer that this run does not use: address 0.
    Unset,
    /// The 32 bits that the register shall hold.
    Word(u32),
}

/// What a program asks of its helper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Open a device, load an xclbin, open a compute unit. The first request.
    Open {
        /// `libxrt_coreutil`.
        library: PathBuf,
        /// Which device.
        target: Target,
        /// The file.
        xclbin: PathBuf,
        /// The compute unit as XRT names it: `smartupdate:{smartupdate_1}`.
        unit: String,
        /// The arguments that are pointers.
        pointers: Vec<usize>,
        /// The board to start, if it is emulated.
        emulation: Option<Emulation>,
    },
    /// Allocate a buffer.
    Allocate {
        /// Length.
        bytes: u64,
        /// XRT's memory group.
        group: u32,
        /// Which kind.
        kind: BufferKind,
        /// First device address of the bank, and the phase that the buffer's offset in it should have
        /// ([`crate::device::placement`]).
        bank_base: u64,
        /// Last device address of the bank, exclusive.
        bank_end: u64,
        /// The phase.
        phase: u64,
    },
    /// Give a buffer back.
    Release {
        /// Its number.
        buffer: u32,
    },
    /// Copy the beginning of the window into a buffer.
    Write {
        /// Its number.
        buffer: u32,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Copy from a buffer to the beginning of the window.
    Read {
        /// Its number.
        buffer: u32,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Read from the file that travels with this frame into a peer-to-peer or host-only buffer.
    Load {
        /// Its number.
        buffer: u32,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Where in the file.
        at: u64,
    },
    /// Write from a peer-to-peer or host-only buffer into the file that travels with this frame.
    Store {
        /// Its number.
        buffer: u32,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Where in the file.
        at: u64,
    },
    /// Start the compute unit, arguments in the order of their ids.
    Start {
        /// Their values.
        arguments: Vec<Argument>,
    },
    /// Look at the run, for at most this long.
    Poll {
        /// How long.
        milliseconds: u64,
    },
    /// Read a register.
    Register {
        /// Byte offset.
        offset: u32,
    },
    /// Close everything and end.
    Close,
}

/// What a helper answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It runs: the first frame, unasked.
    Hello {
        /// [`VERSION`] of the program.
        version: String,
    },
    /// The device is open; memory groups of the pointers that were asked for, in their order.
    Opened {
        /// The groups.
        groups: Vec<u32>,
    },
    /// A buffer is there.
    Allocated {
        /// Its number.
        buffer: u32,
        /// Device address of its first byte.
        address: u64,
    },
    /// XRT gave no buffer.
    NoMemory {
        /// The call and its cause.
        what: String,
    },
    /// It was done.
    Done,
    /// The state of the run, as `ert.h` numbers them.
    State(i32),
    /// The register's value.
    Value(u32),
    /// The emulated board is at work.
    Alive,
    /// A call of XRT failed, or the request makes no sense.
    Failed {
        /// Which call, with what, why, and what can be done.
        what: String,
    },
    /// The file that came with the request could not be read or written.
    FileFailed {
        /// What the system said.
        error: String,
        /// Its number, where it has one; a file that is too short has none.
        number: Option<i32>,
    },
    /// The emulated board runs, but has given no sign of life for this long.
    Silent {
        /// Since then.
        seconds: u64,
    },
    /// The emulated board has ended before it was closed. The last frame.
    BoardEnded {
        /// How.
        status: String,
    },
}

/// States of a run, as `ert.h` numbers them.
pub mod state {
    /// It has ended well.
    pub const COMPLETED: i32 = 4;
    /// The scheduler met an error.
    pub const ERROR: i32 = 5;
    /// It was aborted.
    pub const ABORT: i32 = 6;
    /// The scheduler gave it up.
    pub const TIMEOUT: i32 = 8;
    /// The device does not answer the scheduler.
    pub const NO_RESPONSE: i32 = 9;
}

/// Sends a frame.
pub fn send<T: Serialize>(to: &mut impl Write, value: &T) -> io::Result<()> {
    to.write_all(&encode(value)?)
}

/// A frame's bytes.
pub fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(value)?;
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(body);
    Ok(frame)
}

/// Receives a frame.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    body(from, length)
}

/// Receives what follows a frame's length.
pub fn body<T: DeserializeOwned>(from: &mut impl Read, length: [u8; 4]) -> io::Result<T> {
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back() {
        let requests = [Request::Close, Request::Start { arguments: vec![Argument::Word(1.5f32.to_bits())] }];
        let mut wire = Vec::new();
        for request in &requests {
            send(&mut wire, request).unwrap();
        }
        let mut from = &wire[..];
        for request in &requests {
            assert_eq!(&receive::<Request>(&mut from).unwrap(), request);
        }
        assert_eq!(receive::<Request>(&mut from).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |bytes: &[u8]| receive::<Reply>(&mut &bytes[..]).unwrap_err().kind();
        assert_eq!(refused(&[0xff; 8]), io::ErrorKind::InvalidData);
        assert_eq!(refused(&[2, 0, 0, 0, b'{', b']']), io::ErrorKind::InvalidData);
        assert_eq!(refused(&[9, 0, 0, 0, b'1']), io::ErrorKind::UnexpectedEof);
    }
}
