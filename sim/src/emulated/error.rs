//! What can go wrong while a board is emulated.

use std::io;
use std::path::{Path, PathBuf};

use crate::axi::RemoteError;
use crate::SimError;

/// Why an emulated board ended, other than by being closed.
#[derive(Debug, thiserror::Error)]
pub enum EmulatedError {
    /// The host is not there.
    #[error(
        "nothing listens on {} after {seconds} s ({source}); start the host, and give it the USER and the \
         EMULATION_SOCKETID that this path is made from", .path.display()
    )]
    Dial {
        /// The socket.
        path: PathBuf,
        /// How long it was tried.
        seconds: u64,
        /// The last refusal.
        source: io::Error,
    },
    /// The host's end of the socket is closed.
    #[error("the host ended after message {after} without closing the device; see what it said")]
    Ended {
        /// The last message that was served.
        after: u64,
    },
    /// The host's end of the socket was closed within a message.
    #[error("the host ended in the middle of message {number}; see what it said")]
    CutShort {
        /// The message.
        number: u64,
    },
    /// A message began and did not end.
    #[error("message {number} did not arrive, or its answer was not taken, within {seconds} s; the host is stuck")]
    Stalled {
        /// The message.
        number: u64,
        /// How long was waited.
        seconds: u64,
    },
    /// The socket failed.
    #[error("message {number}: the socket to the host failed: {source}")]
    Socket {
        /// The message.
        number: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A copy that a card's driver would refuse. XRT's hardware emulation takes it for done, so the board ends here.
    #[error("message {number}, {name}: {what}; the host copies what lies in no buffer of its own")]
    Copy {
        /// The message.
        number: u64,
        /// The call.
        name: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A message that is larger than any the host needs.
    #[error(
        "message {number}, {name}, has {bytes} bytes, and {limit} are taken; set packet_size in [Emulation] of xrt.ini to \
         less"
    )]
    TooLarge {
        /// The message.
        number: u64,
        /// What XRT calls it.
        name: &'static str,
        /// What its header says.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Bytes that are no message of XRT 2.13.
    #[error("message {number}, {name}{}: {problem}; the host must be XRT 2.13", place(.field))]
    Malformed {
        /// The message.
        number: u64,
        /// What XRT calls it, or what it should be.
        name: &'static str,
        /// The field, where it is known.
        field: Option<u32>,
        /// What is wrong.
        problem: String,
    },
    /// A call that hardware emulation does not make, or that this board has no answer to.
    #[error(
        "message {number} is call {api}, {name}, which an emulated board does not serve; run the host with \
         XCL_EMULATION_MODE=hw_emu and without profiling"
    )]
    Unexpected {
        /// The message.
        number: u64,
        /// The call.
        api: u32,
        /// What XRT calls it.
        name: &'static str,
    },
    /// A compute unit could not be opened, or misbehaved.
    #[error("compute unit {unit}: {source}")]
    Unit {
        /// Its name.
        unit: String,
        /// Why.
        source: Box<SimError>,
    },
    /// What a unit wrote did not reach a peer-to-peer buffer or the host's memory.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

fn place(field: &Option<u32>) -> String {
    field.map(|field| format!(", field {field}")).unwrap_or_default()
}

impl EmulatedError {
    pub(super) fn dial(path: &Path, seconds: u64, source: io::Error) -> EmulatedError {
        EmulatedError::Dial { path: path.to_owned(), seconds, source }
    }
}
