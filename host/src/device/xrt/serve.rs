//! The helper process: takes requests from standard input, a socket, and answers them on it.
//!
//! Standard output is the shared window, standard error the log. XRT may block for ever, abort, and kill its process group:
//! a thread of its own therefore watches for the program's end, another for the emulated board's, and either ends the
//! whole group at once.

use super::emulation::{Board, Ender};
use super::place;
use super::protocol::{self, Reply, Request};
use super::session::Session;
use super::window;
use memmap2::MmapMut;
use rustix::net::{recvmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{kill_current_process_group, Signal};
use std::fs::File;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// The helper's end of the socket, which several threads write to, a frame at a time.
#[derive(Clone)]
pub(super) struct Answers(Arc<Mutex<UnixStream>>);

impl Answers {
    /// Sends a frame. A program that is gone is noticed by the thread that reads.
    pub(super) fn send(&self, reply: &Reply) {
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = protocol::send(&mut *socket, reply);
    }
}

/// A way to end the emulated board, once there is one.
type BoardEnder = Arc<OnceLock<Ender>>;

/// Runs the helper until its program closes it.
pub fn helper() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nearfield {} is started by nearfield itself: {error}", super::HELPER_COMMAND);
            ExitCode::from(2)
        }
    }
}

/// Takes the socket and the window from where they came, and leaves harmless files in their place: XRT prints on standard
/// output, and its children read standard input.
fn take_over() -> io::Result<(UnixStream, MmapMut)> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let shared = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let window = window::map(&shared)?;
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((socket, window))
}

fn serve() -> io::Result<()> {
    let (socket, mut window) = take_over()?;
    let answers = Answers(Arc::new(Mutex::new(socket.try_clone()?)));
    let folder = std::env::current_dir()?;
    let ender = BoardEnder::default();
    let (requests, incoming) = mpsc::channel();
    let known = ender.clone();
    thread::spawn(move || {
        let error = read_requests(&socket, &requests);
        end_with_the_program(&folder, &known, &error);
    });
    answers.send(&Reply::Hello { version: protocol::VERSION.into() });
    // A program that closes its end before it asks for anything ends this process through the reading thread.
    while let Ok((request, _file)) = incoming.recv() {
        let Request::Open { library, target, xclbin, unit, pointers, emulation } = request else {
            answers.send(&Reply::Failed { what: format!("{request:?} before the device is open") });
            continue;
        };
        let board = match emulation.as_ref().map(|emulation| Board::start(emulation, &answers)).transpose() {
            Ok(board) => board,
            Err(error) => {
                answers.send(&Reply::Failed { what: format!("the emulated board cannot be started: {error}") });
                continue;
            }
        };
        if let Some(board) = &board {
            let _ = ender.set(board.ender());
        }
        match Session::open(&library, &target, &xclbin, &unit, &pointers) {
            Ok((session, groups)) => {
                board.iter().for_each(Board::opened);
                answers.send(&Reply::Opened { groups });
                return run(session, board, &mut window, &incoming, &answers);
            }
            // XRT is in no state to try again: it keeps what it has loaded for the life of the process.
            Err(what) => {
                answers.send(&Reply::Failed { what });
                wait_for_the_end(&incoming, &answers);
            }
        }
    }
    Ok(())
}

fn run(
    mut session: Session,
    board: Option<Board>,
    window: &mut [u8],
    incoming: &Receiver<(Request, Option<File>)>,
    answers: &Answers,
) -> io::Result<()> {
    while let Ok((request, file)) = incoming.recv() {
        if request == Request::Close {
            if let Some(board) = &board {
                board.expect_its_end();
            }
            drop(session);
            board.iter().for_each(Board::wait_for_its_end);
            answers.send(&Reply::Done);
            return Ok(());
        }
        if let (Request::Start { .. }, Some(board)) = (&request, &board) {
            board.listen_from_now();
        }
        let silence = || board.as_ref().map(Board::silence);
        let reply = session.answer(request, window, file, &silence);
        answers.send(&reply.unwrap_or_else(|what| Reply::Failed { what }));
    }
    Ok(())
}

/// Answers the request to close; everything else is refused.
fn wait_for_the_end(incoming: &Receiver<(Request, Option<File>)>, answers: &Answers) -> ! {
    while let Ok((request, _)) = incoming.recv() {
        if request == Request::Close {
            answers.send(&Reply::Done);
            break;
        }
        answers.send(&Reply::Failed { what: "the device could not be opened".into() });
    }
    end_the_group()
}

/// Hands requests on until the program's end of the socket is closed; gives what ended it.
fn read_requests(socket: &UnixStream, requests: &mpsc::Sender<(Request, Option<File>)>) -> io::Error {
    loop {
        let received = receive(socket);
        match received {
            Ok(request) => {
                if requests.send(request).is_err() {
                    return io::ErrorKind::BrokenPipe.into();
                }
            }
            Err(error) => return error,
        }
    }
}

/// A request, with the file that came beside it.
fn receive(socket: &UnixStream) -> io::Result<(Request, Option<File>)> {
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut beside, RecvFlags::CMSG_CLOEXEC)?.bytes;
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    if got == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut from = socket;
    from.read_exact(&mut length[got..])?;
    Ok((protocol::body(&mut from, length)?, files.pop().map(File::from)))
}

/// The program has closed its socket, or died: nobody is left to answer. What writes into the folder ends before it.
fn end_with_the_program(folder: &Path, board: &BoardEnder, error: &io::Error) -> ! {
    if error.kind() != io::ErrorKind::UnexpectedEof {
        eprintln!("the program cannot be understood: {error}");
    }
    if let Some(board) = board.get() {
        board.end();
    }
    place::remove(folder);
    end_the_group()
}

/// Ends this process and the emulated board. XRT is in calls that do not return, and its handlers must not run.
pub(super) fn end_the_group() -> ! {
    let _ = kill_current_process_group(Signal::KILL);
    // Not reached: the signal is not held back.
    std::process::abort()
}
