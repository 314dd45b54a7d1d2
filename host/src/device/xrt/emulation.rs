//! The emulated board, as a process that the helper starts and watches.

use super::protocol::{Emulation, Reply};
use super::serve::{end_the_group, Answers};
use rustix::process::{kill_process, Pid, Signal};
use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a board that was closed may take to end.
const LAST_WORK: Duration = Duration::from_secs(2);
/// Signs of life are passed on at most this often.
const PASS_ON: Duration = Duration::from_millis(200);

/// The emulated board: `nearfield __xrt-board`, a child of the helper in its process group. It ends when its standard input
/// does, and writes a byte to its standard output whenever it has got on.
pub(super) struct Board {
    heard: Arc<Heard>,
    process: Pid,
    // Closed when the helper ends, however it does.
    _input: Option<ChildStdin>,
}

struct Heard {
    begun: Instant,
    /// Milliseconds from `begun` to the last sign of life.
    last: AtomicU64,
    /// The device is being opened: the program wants to hear of the board.
    opening: AtomicBool,
    /// The end of the board is no surprise any more.
    closing: AtomicBool,
    ended: AtomicBool,
}

impl Heard {
    fn now(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

impl Board {
    pub(super) fn start(emulation: &Emulation, answers: &Answers) -> io::Result<Board> {
        let mut child = Command::new("/proc/self/exe")
            .arg(super::BOARD_COMMAND)
            .args(&emulation.arguments)
            .env_remove("LD_PRELOAD")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let heard = Arc::new(Heard {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            opening: AtomicBool::new(true),
            closing: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let process = Pid::from_child(&child);
        let (input, output) = (child.stdin.take(), child.stdout.take());
        if let Some(output) = output {
            let (heard, answers) = (heard.clone(), answers.clone());
            thread::spawn(move || watch(child, output, &heard, &answers));
        }
        Ok(Board { heard, process, _input: input })
    }

    /// How long ago the last sign of life was.
    pub(super) fn silence(&self) -> Duration {
        self.heard.begun.elapsed().saturating_sub(Duration::from_millis(self.heard.last.load(Ordering::Relaxed)))
    }

    /// A board that had nothing to do was silent by right.
    pub(super) fn listen_from_now(&self) {
        self.heard.now();
    }

    /// The device is open: the program asks for itself from here on.
    pub(super) fn opened(&self) {
        self.heard.opening.store(false, Ordering::SeqCst);
    }

    /// From here on the board may end.
    pub(super) fn expect_its_end(&self) {
        self.heard.closing.store(true, Ordering::SeqCst);
    }

    /// Lets a board that was told to close write what it has to write: its waves.
    pub(super) fn wait_for_its_end(&self) {
        let until = Instant::now() + LAST_WORK;
        while !self.heard.ended.load(Ordering::SeqCst) && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A way to end it at once, for another thread.
    pub(super) fn ender(&self) -> Ender {
        Ender { heard: self.heard.clone(), process: self.process }
    }
}

/// Ends a board at once.
pub(super) struct Ender {
    heard: Arc<Heard>,
    process: Pid,
}

impl Ender {
    /// Kills it; that is no surprise to anybody.
    pub(super) fn end(&self) {
        self.heard.closing.store(true, Ordering::SeqCst);
        // A board that has been waited for is gone already, and its number may be somebody else's.
        if !self.heard.ended.load(Ordering::SeqCst) {
            let _ = kill_process(self.process, Signal::KILL);
        }
    }
}

/// Passes signs of life on. When the board ends before it should, XRT waits for it for ever: this ends the group.
fn watch(mut child: Child, mut output: ChildStdout, heard: &Heard, answers: &Answers) {
    let mut passed_on = Instant::now();
    let mut bytes = [0; 256];
    while matches!(output.read(&mut bytes), Ok(1..)) {
        heard.now();
        if heard.opening.load(Ordering::SeqCst) && passed_on.elapsed() >= PASS_ON {
            passed_on = Instant::now();
            answers.send(&Reply::Alive);
        }
    }
    let status = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    heard.ended.store(true, Ordering::SeqCst);
    if !heard.closing.load(Ordering::SeqCst) {
        answers.send(&Reply::BoardEnded { status });
        end_the_group();
    }
}
