//! The program's side of its helper process: start it, ask it, and be rid of it whatever state it is in.

use super::place::Place;
use super::protocol::{self, Reply, Request};
use super::window;
use crate::device::DeviceError;
use memmap2::MmapMut;
use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{kill_process_group, Pid, Signal};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a helper has for a call that does not say otherwise, and for a sign of life while a device is opened.
pub const BOUND: Duration = Duration::from_secs(6);
/// How long opening may take, signs of life or not.
const OPEN_BOUND: Duration = Duration::from_secs(60);
/// How long it has to close its device.
const CLOSE: Duration = Duration::from_secs(4);
/// The most of its log that goes into an error.
const LAST_WORDS: u64 = 2000;

/// A helper process, running, with the folder it works in.
pub struct Helper {
    device: String,
    child: Child,
    socket: UnixStream,
    window: MmapMut,
    /// What helper, XRT and emulated board print.
    log: File,
    /// Why it can no longer be asked.
    ended: Option<String>,
    // Removed after the process has ended.
    folder: tempfile::TempDir,
}

impl Helper {
    /// Starts `program` as a helper in a place, in a process group of its own.
    ///
    /// # Errors
    ///
    /// It cannot be started, is not this version of the program, or does not say so in time.
    pub fn start(device: &str, program: &Path, place: Place) -> Result<Helper, String> {
        let Place { folder, variables, removed } = place;
        let failed = |what: &str, error: io::Error| format!("{what}: {error}");
        let (socket, theirs) = UnixStream::pair().map_err(|e| failed("no socket for the helper", e))?;
        let shared = window::create().map_err(|e| failed("no shared memory for the helper", e))?;
        let window = window::map(&shared).map_err(|e| failed("no shared memory for the helper", e))?;
        let log = tempfile::tempfile_in(folder.path()).map_err(|e| failed("no log for the helper", e))?;
        let mut command = Command::new(program);
        command.arg(super::HELPER_COMMAND).current_dir(folder.path()).process_group(0);
        command.envs(variables);
        removed.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.stdin(OwnedFd::from(theirs)).stdout(shared);
        command.stderr(log.try_clone().map_err(|e| failed("no log for the helper", e))?);
        let child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", program.display()))?;
        // The command holds the helper's end of the socket open.
        drop(command);
        let mut helper = Helper { device: device.to_string(), child, socket, window, log, ended: None, folder };
        match helper.receive("the start of the helper", BOUND, 0).map_err(|error| error.to_string())? {
            Reply::Hello { version } if version == protocol::VERSION => Ok(helper),
            Reply::Hello { version } => Err(format!(
                "{} is nearfield {version}, but this program was built with {}; build them from the same sources, or name \
                 the right one in {}",
                program.display(),
                protocol::VERSION,
                super::program::VARIABLE
            )),
            other => Err(format!("{} is no helper: it answered {other:?}", program.display())),
        }
    }

    /// The window that [`Request::Read`] fills and [`Request::Write`] empties.
    pub fn window(&mut self) -> &mut [u8] {
        &mut self.window
    }

    /// Asks, and waits for the answer for at most `bound` without a sign of life.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Xrt`] when the call failed; [`DeviceError::Lost`] and [`DeviceError::Unresponsive`] when the helper is
    /// gone, now or before.
    pub fn call(&mut self, request: &Request, bound: Duration) -> Result<Reply, DeviceError> {
        self.ask(request, None, bound)
    }

    /// The same with a file that travels beside the request.
    pub fn call_with(&mut self, request: &Request, file: &File, bound: Duration) -> Result<Reply, DeviceError> {
        self.ask(request, Some(file), bound)
    }

    fn ask(&mut self, request: &Request, file: Option<&File>, bound: Duration) -> Result<Reply, DeviceError> {
        let name = name_of(request);
        if let Some(how) = &self.ended {
            return Err(DeviceError::Lost { device: self.device.clone(), what: how.clone() });
        }
        let said = self.log_length();
        match self.send(request, file) {
            // A helper that is gone cannot be sent anything, but may have said why before it went.
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                let what = format!("the request to {name} cannot be sent: {error}");
                return Err(DeviceError::Xrt { device: self.device.clone(), what });
            }
            _ => {}
        }
        match self.receive(name, bound, said)? {
            Reply::Failed { what } => {
                let what = with_last_words(what, &self.words_since(said));
                Err(DeviceError::Xrt { device: self.device.clone(), what })
            }
            Reply::NoMemory { what } => Ok(Reply::NoMemory { what: with_last_words(what, &self.words_since(said)) }),
            Reply::Silent { seconds } => Err(self.unresponsive(name, seconds)),
            Reply::BoardEnded { status } => Err(self.lost(name, said, &format!("the emulated board ended ({status})"))),
            reply => Ok(reply),
        }
    }

    fn send(&mut self, request: &Request, file: Option<&File>) -> io::Result<()> {
        let frame = protocol::encode(request)?;
        let Some(file) = file else { return self.socket.write_all(&frame) };
        let descriptors = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        beside.push(SendAncillaryMessage::ScmRights(&descriptors));
        let sent = sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut beside, SendFlags::NOSIGNAL)?;
        self.socket.write_all(&frame[sent..])
    }

    /// The folder it works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The error for an answer to another question.
    pub fn nonsense(&self, reply: &Reply) -> DeviceError {
        DeviceError::Xrt { device: self.device.clone(), what: format!("the helper answered {reply:?}") }
    }

    /// The next answer that is no sign of life; those come while a device is opened.
    fn receive(&mut self, call: &str, bound: Duration, said: u64) -> Result<Reply, DeviceError> {
        let begun = Instant::now();
        let mut until = begun + bound;
        loop {
            let mut from = Timed { socket: &self.socket, until };
            match protocol::receive(&mut from) {
                Ok(Reply::Alive) => until = (Instant::now() + bound).min(begun + OPEN_BOUND.max(bound)),
                Ok(reply) => return Ok(reply),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(self.unresponsive(call, bound.as_secs()));
                }
                Err(error) => {
                    let how = match error.kind() {
                        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => "the helper process ended".to_string(),
                        _ => format!("the helper process cannot be understood ({error})"),
                    };
                    return Err(self.lost(call, said, &how));
                }
            }
        }
    }

    /// Has the helper and all that belongs to it end: nothing more is wanted of the device, which is in an unknown state.
    pub fn give_up(&mut self, why: &str) {
        self.end(why);
    }

    /// Whether it can still be asked.
    pub fn is_there(&self) -> bool {
        self.ended.is_none()
    }

    fn unresponsive(&mut self, call: &str, seconds: u64) -> DeviceError {
        self.end(&format!("it did not answer {call}"));
        DeviceError::Unresponsive { device: self.device.clone(), call: call.to_string(), seconds }
    }

    fn lost(&mut self, call: &str, said: u64, how: &str) -> DeviceError {
        let status = self.end(&format!("{how} during {call}"));
        let what = with_last_words(format!("{how} during {call}{status}"), &self.words_since(said));
        DeviceError::Lost { device: self.device.clone(), what }
    }

    /// Kills what is left of the process group and says how the helper had ended.
    fn end(&mut self, why: &str) -> String {
        self.ended = Some(why.to_string());
        // A helper that is about to end by itself may say how; nothing is lost if it does not.
        let by_itself = self.ended_within(Duration::from_millis(300));
        // The group's number cannot be somebody else's before its leader has been waited for; after that its children are
        // gone too, or notice that their pipes have ended.
        if let Ending::Runs = by_itself {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            self.ended_within(Duration::from_secs(2));
        }
        match by_itself {
            Ending::Ended(Some(status)) => format!(" ({status})"),
            _ => String::new(),
        }
    }

    fn ended_within(&mut self, bound: Duration) -> Ending {
        let until = Instant::now() + bound;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ending::Ended(Some(status)),
                // Somebody else in this process has waited for it.
                Err(_) => return Ending::Ended(None),
                Ok(None) if Instant::now() >= until => return Ending::Runs,
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn log_length(&self) -> u64 {
        self.log.metadata().map_or(0, |metadata| metadata.len())
    }

    /// What was printed since the log had this length, at most the end of it.
    fn words_since(&self, length: u64) -> String {
        let end = self.log_length();
        let from = length.max(end.saturating_sub(LAST_WORDS));
        let mut bytes = vec![0; end.saturating_sub(from) as usize];
        match self.log.read_exact_at(&mut bytes, from) {
            Ok(()) => String::from_utf8_lossy(&bytes).trim().to_string(),
            Err(_) => String::new(),
        }
    }
}

/// What is known of a process' end.
enum Ending {
    Runs,
    Ended(Option<ExitStatus>),
}

fn with_last_words(what: String, words: &str) -> String {
    match words {
        "" => what,
        words => format!("{what}; it printed: {}", words.lines().map(str::trim).collect::<Vec<_>>().join(" | ")),
    }
}

/// What a request is called in an error.
fn name_of(request: &Request) -> &'static str {
    match request {
        Request::Open { .. } => "open",
        Request::Allocate { .. } => "allocate",
        Request::Release { .. } => "release",
        Request::Write { .. } => "write",
        Request::Read { .. } => "read",
        Request::Load { .. } => "load",
        Request::Store { .. } => "store",
        Request::Start { .. } => "start",
        Request::Poll { .. } => "wait",
        Request::Register { .. } => "a look at a register",
        Request::Close => "close",
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let closed = self.call(&Request::Close, CLOSE);
            if let Err(error) = closed {
                tracing::warn!("{error}");
            }
        }
        self.end("it was closed");
    }
}

/// A socket that is read until a point in time.
struct Timed<'a> {
    socket: &'a UnixStream,
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // Also when time is up: a program that was stopped meanwhile finds that the answer has come.
            let left = self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left))?;
            match (&mut &*self.socket).read(into) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    if Instant::now() >= self.until {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                result => return result,
            }
        }
    }
}
