//! What can go wrong with a device.

use super::BufferKind;
use nearfield_abi::kernel::sgcn;
use nearfield_abi::topk::fault;
use nearfield_model::optimizer::Optimizer;
use std::time::Duration;

/// An error of a device, saying what to do where something can be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The program was built without this backend.
    #[error("{device} is not in this build; build with --features {features}, or use --device soft")]
    NotInThisBuild {
        /// The device that was asked for.
        device: String,
        /// The cargo features it takes.
        features: &'static str,
    },
    /// The kernel could not be built, loaded or reset.
    #[error("the device could not be opened: {what}")]
    Open {
        /// The cause and what to do.
        what: String,
    },
    /// The kernel on the device is not the one this program was made for.
    #[error(
        "the kernel on {device} is another one: {register} reads {found:#x}, but this program needs {expected:#x}; build \
         kernel and program from the same sources"
    )]
    WrongKernel {
        /// The device.
        device: String,
        /// Which register differs.
        register: &'static str,
        /// What it reads.
        found: u64,
        /// What it should read.
        expected: u64,
    },
    /// The device does not do this optimizer's step.
    #[error(
        "{device} cannot do a step of {optimizer}, because its kernel does {}; use --device soft, which does every one",
        if .has.is_empty() { "none".into() } else { .has.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ") }
    )]
    NoSuchOptimizer {
        /// The device.
        device: String,
        /// The optimizer that was asked for.
        optimizer: Optimizer,
        /// Those it does.
        has: &'static [Optimizer],
    },
    /// The device was opened with another kernel than the work needs.
    #[error(
        "the kernel of {device} is {has}, but this needs {wanted}; open the device with that one, or use --device soft"
    )]
    OtherKernel {
        /// The device.
        device: String,
        /// The kernel's name.
        has: &'static str,
        /// The name of the one that does it.
        wanted: &'static str,
    },
    /// There is no such bank.
    #[error("{device} has no memory bank {bank}; it has {banks}")]
    NoSuchBank {
        /// The device.
        device: String,
        /// The bank that was asked for.
        bank: u32,
        /// How many there are.
        banks: usize,
    },
    /// A bank has no free piece that long.
    #[error(
        "bank {bank} of {device} has no free piece of {bytes} bytes; release buffers or use smaller pieces{}",
        .why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
    )]
    OutOfMemory {
        /// The device.
        device: String,
        /// The bank.
        bank: u32,
        /// What was asked for.
        bytes: u64,
        /// What the device's own software said.
        why: Option<String>,
    },
    /// The device has no memory of that kind.
    #[error("{device} has no {kind} memory{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoSuchKind {
        /// The device.
        device: String,
        /// What was asked for.
        kind: BufferKind,
        /// What the device said, and what to do.
        why: Option<String>,
    },
    /// A file that is read into a device's memory, or written from it.
    #[error("the file cannot be read or written at byte {at}: {error}")]
    File {
        /// The first byte of the piece.
        at: u64,
        /// What the system said.
        error: std::io::Error,
    },
    /// A copy would leave its buffer.
    #[error("{length} bytes from offset {offset} leave a buffer of {bytes} bytes")]
    OutsideBuffer {
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: usize,
        /// The buffer's length.
        bytes: u64,
    },
    /// Memory that no buffer holds.
    #[error("no buffer of the device lies at {address:#x} with {bytes} bytes; it was released or never allocated")]
    NoBuffer {
        /// The address.
        address: u64,
        /// The length.
        bytes: u64,
    },
    /// The list of arguments does not fit the kernel.
    #[error("{what}")]
    Arguments {
        /// What does not fit.
        what: String,
    },
    /// The kernel refused an argument.
    #[error("the kernel refused its argument {argument} (error code 3): this value needs another kernel version")]
    KernelArgument {
        /// The argument's name.
        argument: String,
    },
    /// The kernel met an error response of the memory.
    #[error(
        "the kernel met an AXI {} error (error code {code}) on port {}{port} at address {address:#x}",
        if *.code == nearfield_abi::register::error::AXI_READ { "read" } else { "write" },
        nearfield_abi::port::MASTER_PREFIX
    )]
    Axi {
        /// `nearfield_abi::register::error`.
        code: u32,
        /// The AXI master.
        port: String,
        /// The address of the burst.
        address: u64,
    },
    /// The kernel met a Top-K stream that breaks a rule.
    #[error(
        "the kernel found the Top-K stream malformed in chunk {chunk}: {}; what it wrote is of no use, compress the gradients again",
        fault_text(*.fault)
    )]
    Stream {
        /// The chunk's number in the stream.
        chunk: u32,
        /// `nearfield_abi::topk::fault`.
        fault: u32,
    },
    /// The kernel met a graph, or a feature record, that breaks a rule.
    #[error("the kernel found the graph or its features malformed at row {row}: {}; what it wrote is of no use", graph_fault(*.fault))]
    Graph {
        /// The row.
        row: u32,
        /// `nearfield_abi::kernel::sgcn::fault`.
        fault: u32,
    },
    /// What passed a stream of the kernel is not what the host sent, or read back.
    #[error(
        "the kernel's checksum of {stream} is ({:#x}, {:#x}), but that of the host's bytes is ({:#x}, {:#x}): bytes changed on \
         the way; what the step wrote is of no use",
        found.0, found.1, expected.0, expected.1
    )]
    Corrupted {
        /// The stream, as `nearfield_abi` names it.
        stream: &'static str,
        /// The kernel's sums.
        found: (u64, u64),
        /// The host's.
        expected: (u64, u64),
    },
    /// The kernel ended with a code this program does not know.
    #[error(
        "the kernel ended with error code {code} (port {port}, address {address:#x}), which this program does not know"
    )]
    UnknownCode {
        /// The register's value.
        code: u32,
        /// The port register's value.
        port: u32,
        /// The address register's value.
        address: u64,
    },
    /// The run did not end in time.
    #[error("the kernel did not end within {timeout:?}; the device is in an unknown state and must be opened again")]
    Timeout {
        /// How long was waited.
        timeout: Duration,
    },
    /// A call of XRT failed.
    #[error("{device}: {what}")]
    Xrt {
        /// The device.
        device: String,
        /// The call, its arguments, its cause, what XRT printed, and what to do.
        what: String,
    },
    /// The helper process that talks to XRT, or the emulated board behind it, is gone.
    #[error("{device} is lost: {what}; open it again")]
    Lost {
        /// The device.
        device: String,
        /// How it ended, during which call, and what it printed last.
        what: String,
    },
    /// The device does not answer.
    #[error(
        "{device} did not answer {call} within {seconds} s and was given up; open it again (a board may need xbutil reset \
         first)"
    )]
    Unresponsive {
        /// The device.
        device: String,
        /// The call.
        call: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The simulated board stopped the run.
    #[error("the simulated board stopped the run: {what}")]
    Simulation {
        /// Which rule of a protocol was broken, or which handshakes are stuck.
        what: String,
    },
}

/// What a fault of `nearfield_abi::topk::fault` says.
fn fault_text(code: u32) -> &'static str {
    match code {
        fault::HEADER => "its header is not that of this run",
        fault::COUNT => "its counts disagree",
        fault::ORDER => "an index is not above the one before it",
        fault::RANGE => "an index lies past the last element",
        fault::CHECKSUM => "a checksum is wrong",
        fault::TRUNCATED => "it ends too early",
        fault::SURPLUS => "something follows its last chunk",
        _ => "the kernel does not say why",
    }
}

/// What a fault of `nearfield_abi::kernel::sgcn::fault` says.
fn graph_fault(code: u32) -> &'static str {
    match code {
        sgcn::fault::ROW_POINTERS => "its row pointers decrease, or lie past the last edge",
        sgcn::fault::COLUMN => "a column id is not that of a row",
        sgcn::fault::RECORD => "a record's bitmap does not fit its length",
        sgcn::fault::PAIR => "the columns of pairs do not ascend, or lie past the slice",
        _ => "the kernel does not say why",
    }
}

impl DeviceError {
    /// Whether this was refused before anything ran (exit code 2), not a run that failed (exit code 1).
    pub fn refused(&self) -> bool {
        matches!(
            self,
            DeviceError::NotInThisBuild { .. }
                | DeviceError::Open { .. }
                | DeviceError::WrongKernel { .. }
                | DeviceError::NoSuchOptimizer { .. }
                | DeviceError::OtherKernel { .. }
        )
    }
}

impl std::fmt::Display for BufferKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BufferKind::Normal => "normal",
            BufferKind::DeviceOnly => "device-only",
            BufferKind::HostOnly => "host-only",
            BufferKind::PeerToPeer => "peer-to-peer",
        })
    }
}
