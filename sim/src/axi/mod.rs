//! Both sides of a kernel's buses: AXI4 ports over banked memory, an AXI4-Lite master, and the rules they hold a kernel
//! to.
//!
//! Everything here works by the cycle: before the clock rises a port *drives* the kernel's inputs, the kernel settles,
//! and the port *samples* what the kernel answers; what happened in a cycle is decided by valid and ready at that moment.
//! A [`Pace`] decides when a port is ready and when it answers; the rules are checked whatever the pace, always.

mod dram;
mod fixed;
mod hostile;
mod lite;
mod memory;
mod monitor;
mod pace;
mod pins;
mod port;
mod queue;
mod random;
mod remote;
mod traffic;

pub use dram::{Dram, DramError};
pub use fixed::Fixed;
pub use hostile::Hostile;
pub use lite::{Lite, LiteResponse};
pub use memory::{Memory, OutsideBanks, BEAT_WORDS};
pub use monitor::Violation;
pub use pace::{Accept, Pace, PaceOf};
pub use port::{Fault, Port};
pub use queue::{Identified, Queue};
pub use random::Random;
pub use remote::{Remote, RemoteError, REMOTE_PAGE_BYTES};
pub use traffic::{ReadBurst, Traffic, WriteBurst};

/// The five channels of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Write addresses.
    Aw,
    /// Write data.
    W,
    /// Write responses.
    B,
    /// Read addresses.
    Ar,
    /// Read data.
    R,
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Channel::Aw => "AW",
            Channel::W => "W",
            Channel::B => "B",
            Channel::Ar => "AR",
            Channel::R => "R",
        })
    }
}

/// What a slave answers with (`RRESP`, `BRESP`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Response {
    /// The access succeeded.
    #[default]
    Okay,
    /// The slave met an error.
    SlaveError,
    /// There is no slave at the address.
    DecodeError,
}

impl Response {
    /// The value on the wires.
    pub fn code(self) -> u64 {
        match self {
            Response::Okay => 0,
            Response::SlaveError => 2,
            Response::DecodeError => 3,
        }
    }
}

/// A channel on which a side waits: what a watchdog has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The port.
    pub port: String,
    /// The channel.
    pub channel: Channel,
    /// Whether valid is high.
    pub valid: bool,
    /// Whether ready is high.
    pub ready: bool,
    /// What is outstanding on it.
    pub note: String,
}

impl std::fmt::Display for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = |on| if on { "1" } else { "0" };
        write!(f, "{} {}: valid {} ready {}", self.port, self.channel, level(self.valid), level(self.ready))?;
        if !self.note.is_empty() {
            write!(f, ", {}", self.note)?;
        }
        Ok(())
    }
}
