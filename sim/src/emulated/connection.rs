//! The socket on which the host calls the device: whole messages in, answers out.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::EmulatedError;
use super::message;
use super::wire::{read_header, Malformed, CALL_HEADER_BYTES, MESSAGE_LIMIT};

/// How long the host may take to listen.
const DIAL_SECONDS: u64 = 30;
/// Between two attempts.
const DIAL_PAUSE: Duration = Duration::from_millis(5);
/// How long a message that began may take to end, and an answer to be taken.
const STALL_SECONDS: u64 = 5;
/// Between two signs of life while the host has nothing to say.
const TICK: Duration = Duration::from_millis(500);

/// The socket to the host.
pub(super) struct Connection {
    stream: UnixStream,
    /// Messages that have begun.
    number: u64,
    body: Vec<u8>,
}

/// A message.
pub(super) struct Incoming<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Which call.
    pub api: u32,
    /// What comes with it.
    pub body: &'a [u8],
}

impl Connection {
    /// Dials until the host listens.
    pub(super) fn dial(path: &Path, mut alive: impl FnMut()) -> Result<Connection, EmulatedError> {
        let end = Instant::now() + Duration::from_secs(DIAL_SECONDS);
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= end => return Err(EmulatedError::dial(path, DIAL_SECONDS, error)),
                Err(_) => std::thread::sleep(DIAL_PAUSE),
            }
            alive();
        };
        let timeouts = stream
            .set_read_timeout(Some(TICK))
            .and_then(|()| stream.set_write_timeout(Some(Duration::from_secs(STALL_SECONDS))));
        timeouts.map_err(|source| EmulatedError::Socket { number: 0, source })?;
        Ok(Connection { stream, number: 0, body: Vec::new() })
    }

    /// The next message, for which the host may take as long as it lives; `idle` is called now and then meanwhile.
    pub(super) fn next(&mut self, mut idle: impl FnMut()) -> Result<Incoming<'_>, EmulatedError> {
        let after = self.number;
        let mut header = [0; CALL_HEADER_BYTES];
        loop {
            match self.stream.read(&mut header[..1]) {
                Ok(0) => return Err(EmulatedError::Ended { after }),
                Ok(_) => break,
                Err(error) if patient(&error) => idle(),
                Err(source) => return Err(EmulatedError::Socket { number: after + 1, source }),
            }
        }
        self.number += 1;
        let number = self.number;
        let begun = Instant::now();
        self.fill(&mut header[1..], begun)?;
        let (bytes, api) = read_header(&header).map_err(|error| malformed(number, "a header", error))?;
        let name = message::name(api);
        if bytes > MESSAGE_LIMIT {
            return Err(EmulatedError::TooLarge { number, name, bytes, limit: MESSAGE_LIMIT });
        }
        // The limit has been checked; still, no more is kept ready than has come.
        self.body.clear();
        while (self.body.len() as u64) < bytes {
            let from = self.body.len();
            self.body.resize(bytes.min((2 * from).max(64 << 10) as u64) as usize, 0);
            let mut body = std::mem::take(&mut self.body);
            let filled = self.fill(&mut body[from..], begun);
            self.body = body;
            filled?;
        }
        Ok(Incoming { number, api, body: &self.body })
    }

    fn fill(&mut self, into: &mut [u8], begun: Instant) -> Result<(), EmulatedError> {
        let number = self.number;
        let mut done = 0;
        while done < into.len() {
            match self.stream.read(&mut into[done..]) {
                Ok(0) => return Err(EmulatedError::CutShort { number }),
                Ok(read) => done += read,
                Err(error) if patient(&error) => {}
                Err(source) => return Err(EmulatedError::Socket { number, source }),
            }
            if done < into.len() && begun.elapsed() >= Duration::from_secs(STALL_SECONDS) {
                return Err(EmulatedError::Stalled { number, seconds: STALL_SECONDS });
            }
        }
        Ok(())
    }

    /// Answers the last message.
    pub(super) fn answer(&mut self, answer: &[u8]) -> Result<(), EmulatedError> {
        let number = self.number;
        self.stream.write_all(answer).map_err(|source| match source.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => EmulatedError::Stalled { number, seconds: STALL_SECONDS },
            ErrorKind::BrokenPipe => EmulatedError::CutShort { number },
            _ => EmulatedError::Socket { number, source },
        })
    }
}

/// What `problem` is as an error of a message.
pub(super) fn malformed(number: u64, name: &'static str, Malformed { field, problem }: Malformed) -> EmulatedError {
    EmulatedError::Malformed { number, name, field, problem }
}

/// Whether a read that failed is tried again.
fn patient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
