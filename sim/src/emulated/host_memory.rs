//! The host's memory as the device sees it: XRT's host-only buffers, over a socket of their own.
//!
//! On it the device calls and the host answers, both behind headers of 14 bytes. The host opens it once it has begun to
//! load its xclbin, and waits for a last header when the device is closed.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::axi::Remote;

use super::message::api;
use super::wire::{read_header, Fields, Malformed, Message, CALL_HEADER_BYTES};

/// How long the host may take to open the socket once a unit wants to use it.
const OPEN_WAIT: Duration = Duration::from_secs(4);
/// How long it may take once the device is closed: it need not ever have got to it.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// How long half an answer may take, its header or its body.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// Between two attempts to reach the host.
const PAUSE: Duration = Duration::from_millis(2);
/// The most that an answer has beside the bytes it was asked for.
const ANSWER_EXTRA: u64 = 64;

enum State {
    /// Not there yet.
    Closed,
    Open(UnixStream),
    /// Something went wrong, and what comes next cannot be told apart from what is late.
    Broken,
}

struct Channel {
    path: PathBuf,
    state: State,
}

/// The host's memory. Clones are the same one.
#[derive(Clone)]
pub(super) struct HostMemory(Arc<Mutex<Channel>>);

impl HostMemory {
    /// Memory that will be reached over the socket `path`.
    pub(super) fn new(path: PathBuf) -> HostMemory {
        HostMemory(Arc::new(Mutex::new(Channel { path, state: State::Closed })))
    }

    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the socket if the host listens by now.
    pub(super) fn reach(&self) {
        self.channel().reach();
    }

    /// Lets the host know that nothing more is wanted of its memory: it waits for that. Where it does not, nothing is lost.
    pub(super) fn close(&self) {
        let mut channel = self.channel();
        channel.reach_within(CLOSE_WAIT);
        if let State::Open(stream) = &mut channel.state {
            if let Err(error) = stream.write_all(&Message::default().into_call(api::CLOSE)) {
                tracing::warn!(%error, "the host's memory channel cannot be closed");
            }
        }
        channel.state = State::Broken;
    }
}

impl Channel {
    fn reach(&mut self) {
        if !matches!(self.state, State::Closed) {
            return;
        }
        let Ok(stream) = UnixStream::connect(&self.path) else { return };
        let timeouts =
            stream.set_read_timeout(Some(ANSWER_WAIT)).and_then(|()| stream.set_write_timeout(Some(ANSWER_WAIT)));
        self.state = match timeouts {
            Ok(()) => State::Open(stream),
            Err(error) => {
                tracing::warn!(%error, "the host's memory channel cannot be used");
                State::Broken
            }
        };
    }

    fn reach_within(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        loop {
            self.reach();
            if !matches!(self.state, State::Closed) || Instant::now() >= end {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Calls the host and gives its answer, of which `expected` bytes are data.
    fn call(&mut self, api: u32, message: Message, expected: usize) -> io::Result<Vec<u8>> {
        self.reach_within(OPEN_WAIT);
        let stream = match &mut self.state {
            State::Open(stream) => stream,
            State::Closed => {
                // It is not waited for again.
                self.state = State::Broken;
                return Err(io::Error::other("the host has not opened its memory channel"));
            }
            State::Broken => return Err(io::Error::other("the host's memory channel failed before")),
        };
        let answer = exchange(stream, &message.into_call(api), expected as u64 + ANSWER_EXTRA);
        if answer.is_err() {
            self.state = State::Broken;
        }
        answer
    }
}

fn exchange(stream: &mut UnixStream, call: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    stream.write_all(call)?;
    let mut header = [0; CALL_HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (bytes, _) = read_header(&header).map_err(garbage)?;
    if bytes > limit {
        return Err(io::Error::other(format!("an answer of {bytes} bytes where {limit} are the most")));
    }
    let mut body = vec![0; bytes as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn garbage(error: Malformed) -> io::Error {
    let field = error.field.map(|field| format!("field {field}: ")).unwrap_or_default();
    io::Error::other(format!("an answer that is none: {field}{}", error.problem))
}

/// The host's memory from its first byte on; `base` is what the host calls that.
pub(super) struct HostRange {
    /// The memory.
    pub memory: HostMemory,
    /// The device address of its first byte.
    pub base: u64,
}

impl Remote for HostRange {
    fn fetch(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let address = self.base + offset;
        let message = Message::default().number(1, address).number(2, into.len() as u64);
        let answer = self.memory.channel().call(api::HOST_READ, message, into.len())?;
        let fields = Fields::of(&answer).map_err(garbage)?;
        let (valid, data) = (fields.number(1).map_err(garbage)?, fields.bytes(2).map_err(garbage)?);
        if valid == 0 {
            return Err(io::Error::other(format!("the host has no {} bytes at {address:#x}", into.len())));
        }
        if data.len() != into.len() {
            return Err(io::Error::other(format!("the host sent {} bytes of {}", data.len(), into.len())));
        }
        into.copy_from_slice(data);
        Ok(())
    }

    fn store(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let address = self.base + offset;
        let message = Message::default().number(1, address).number(2, bytes.len() as u64).bytes(3, bytes);
        let answer = self.memory.channel().call(api::HOST_WRITE, message, 0)?;
        match Fields::of(&answer).and_then(|fields| fields.number(1)).map_err(garbage)? {
            0 => Err(io::Error::other(format!("the host has no {} bytes at {address:#x}", bytes.len()))),
            _ => Ok(()),
        }
    }
}
