//! An emulated board: the device that XRT's hardware emulation talks to, made of Verilated kernels.
//!
//! A host program that uses XRT with `XCL_EMULATION_MODE=hw_emu` loads XRT's emulation driver in place of that of a real
//! card. The driver calls a device in a process of its own over a socket: allocate, copy, read and write registers. This
//! is that device. It serves XRT 2.13, as Debian has it (`libxrt1`), and no Vitis is needed.
//!
//! ```text
//! host program ── XRT ── hardware emulation ══ socket ══ serve ── compute units ── memory ── files of peer-to-peer buffers
//!                              ╚═════════ second socket: host-only buffers ══════════════════════════╝
//! ```
//!
//! What the host sees is a card's: registers word by word over AXI4-Lite, buffers at addresses, copies, peer-to-peer
//! buffers as files that it maps, its own memory within the kernels' reach where the board has a way to it. These are not: a
//! unit that was started runs when its control register is first looked at, or before something is copied to the board, so
//! that cycles are the same in every run (what a host writes through a mapping until then, the run sees); units run one after
//! the other, and do not wait for each other's memory; every port reaches every bank; the host's memory answers as fast as a
//! port does.

mod buffers;
mod connection;
mod error;
mod host_memory;
mod message;
mod preload;
mod shell;
mod wire;

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;

use connection::{malformed, Connection};
use host_memory::HostMemory;
use message::{answer, Call};
use shell::{Denied, Shell};

pub use error::EmulatedError;
pub use preload::preload;

/// How often there is a sign of life while a kernel is printed.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);

/// What is emulated, and for whom.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The board.
    pub board: &'static Board,
    /// The kernel of its compute units.
    pub config: KernelConfig,
    /// How they are simulated.
    pub options: crate::Options,
    /// The socket on which the host listens: `/tmp/$USER/$EMULATION_SOCKETID`.
    pub socket: PathBuf,
    /// The one on which it answers for its memory: `/tmp/$USER/D2X_unix_sock_$EMULATION_SOCKETID`.
    pub host_socket: PathBuf,
    /// Where the files of peer-to-peer buffers go: a folder that only the owner can enter.
    pub folder: PathBuf,
}

/// Who is told how a board is doing: a host waits for ever for a device that has died, so somebody has to look.
pub trait Watch {
    /// The board is alive: after each message, after each slice of simulation (a tenth of a second or so), and twice a
    /// second while its kernel is printed or the host has nothing to say. The longest silence is that of a host that does
    /// not answer for its own memory, or stops in a message: 5 seconds, once.
    fn alive(&mut self);

    /// A call of the host has come and is served now; it is message `number`, counted from 1, and call `api` in XRT's
    /// numbers. On the second socket the board calls and the host answers: nothing of that is counted.
    fn message(&mut self, number: u64, api: u32);
}

/// Opens the board's compute units, dials the host, and serves it until it closes the device. The kernel is built first
/// unless that has been done before, which takes a minute: [`crate::KernelSim::open`] beforehand spares the host the wait.
///
/// A request that a card would not do (an address in no unit, a buffer in no bank) is refused, and logged; a copy from or to
/// no buffer, whose refusal XRT does not notice, ends the board. A run that does not end is not given up as long as something
/// moves: that is for whoever started the host.
///
/// # Errors
///
/// A unit cannot be opened or breaks a rule, the host does not listen within 30 seconds, ends without closing, stays
/// within a message for 5 seconds, or sends what XRT 2.13's hardware emulation does not.
pub fn serve(setup: Setup, watch: &mut dyn Watch) -> Result<(), EmulatedError> {
    let host = HostMemory::new(setup.host_socket.clone());
    print_beforehand(setup.config, watch);
    let mut shell = Shell::open(&setup, host.clone())?;
    watch.alive();
    let mut connection = Connection::dial(&setup.socket, || watch.alive())?;
    tracing::info!(board = setup.board.name, kernel = setup.config.name(), "the host is there");
    loop {
        host.reach();
        let incoming = connection.next(|| {
            host.reach();
            watch.alive();
        })?;
        let (number, api, name) = (incoming.number, incoming.api, message::name(incoming.api));
        watch.message(number, api);
        let call = Call::read(api, incoming.body).map_err(|error| malformed(number, name, error))?;
        let call = call.ok_or(EmulatedError::Unexpected { number, api, name })?;
        let (closes, refusal) = (call == Call::Close, call.refusal());
        let answer = match perform(&mut shell, call, watch) {
            Ok(answer) => answer,
            Err(Denied::Refused(why)) => {
                tracing::error!(number, call = name, "refused: {why}");
                refusal
            }
            Err(Denied::Copy(what)) => return Err(EmulatedError::Copy { number, name, what }),
            Err(Denied::Ended(error)) => return Err(error),
        };
        if closes {
            // First, or the host would wait for it between the answer and its own end.
            host.close();
        }
        connection.answer(&answer)?;
        watch.alive();
        if closes {
            return Ok(());
        }
    }
}

/// Prints the kernel, with signs of life: on a machine that has much else to do it takes seconds. An error is for whoever
/// opens the kernel, and comes again there.
fn print_beforehand(config: KernelConfig, watch: &mut dyn Watch) {
    let (printing, printed) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = crate::printed::printed(config);
            drop(printing);
        });
        while let Err(RecvTimeoutError::Timeout) = printed.recv_timeout(SIGN_OF_LIFE) {
            watch.alive();
        }
    });
}

/// Does what a call asks for, and gives the answer.
fn perform(shell: &mut Shell, call: Call<'_>, watch: &mut dyn Watch) -> Result<Vec<u8>, Denied> {
    Ok(match call {
        Call::Close => answer::number(1),
        Call::DebugMessages => answer::nothing(),
        Call::SetEnvironment { settings } => {
            tracing::debug!(settings, "the host's settings");
            answer::number(1)
        }
        Call::Allocate { address, size, device_only } => match shell.allocate(address, size, device_only)? {
            Some(file) => answer::with_bytes(1, &file),
            None => answer::number(1),
        },
        Call::Free { address } => {
            shell.free(address)?;
            answer::number(1)
        }
        Call::WriteMemory { address, data } => {
            shell.write_memory(address, data, watch)?;
            answer::number(data.len() as u64)
        }
        Call::ReadMemory { address, size } => {
            let data = shell.read_memory(address, size)?;
            answer::with_bytes(size, &data)
        }
        Call::WriteRegisters { address, data } => {
            shell.write_registers(address, data)?;
            answer::number(1)
        }
        Call::ReadRegisters { address, size } => {
            let data = shell.read_registers(address, size, watch)?;
            answer::with_bytes(1, &data)
        }
    })
}
