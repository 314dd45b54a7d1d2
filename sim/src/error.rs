//! What can go wrong in a simulation.

use std::fmt;
use std::path::PathBuf;

use nearfield_hdl::emit::EmitError;

use crate::axi::{DramError, Handshake, OutsideBanks, RemoteError, Violation};
use crate::verilate::{BuildError, EvalError, PortError, TraceError};

/// Why a simulation did not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The board is known for packaging only.
    #[error("board `{0}` cannot be simulated; `ideal`, `hostile`, `smartssd`, `hbm2-256` and `u280` can")]
    NotSimulated(&'static str),
    /// The kernel could not be printed.
    #[error("cannot print the kernel: {0}")]
    Emit(#[from] EmitError),
    /// The kernel could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The kernel lacks a pin that its configuration promises.
    #[error("the kernel's pins are not those of its configuration: {0}")]
    Pins(#[from] PortError),
    /// The board's DRAM could not be set up.
    #[error(transparent)]
    Dram(#[from] DramError),
    /// Waves cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// An access of the host outside the board's memory.
    #[error(transparent)]
    Memory(#[from] OutsideBanks),
    /// What the kernel wrote to remote memory is lost.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The kernel broke a rule of AXI.
    #[error("the kernel broke a rule of AXI: {violation} ({run})")]
    Protocol {
        /// Which, where and when.
        violation: Violation,
        /// How to have it happen again.
        run: Box<RunContext>,
    },
    /// Nothing moved for too long.
    #[error("nothing moved for {cycles} cycles while {doing}; waiting: {}; {run}", list(.waiting))]
    Stuck {
        /// How long.
        cycles: u64,
        /// What was under way.
        doing: String,
        /// The channels on which somebody waits.
        waiting: Vec<Handshake>,
        /// How to have it happen again.
        run: Box<RunContext>,
    },
    /// The kernel was busy, but not done in time.
    #[error("the kernel was not done after {cycles} cycles; waiting: {}; {run}", list(.waiting))]
    TooLong {
        /// The bound.
        cycles: u64,
        /// The channels on which somebody waits.
        waiting: Vec<Handshake>,
        /// How to have it happen again.
        run: Box<RunContext>,
    },
    /// The kernel answered a register access with an error.
    #[error("the kernel answered the access to register {offset:#x} with response {response} ({run})")]
    Register {
        /// The register.
        offset: u32,
        /// `RRESP` or `BRESP`.
        response: u32,
        /// How to have it happen again.
        run: Box<RunContext>,
    },
    /// The model gave up.
    #[error("{error} ({run})")]
    Eval {
        /// Verilator's reason.
        error: EvalError,
        /// How to have it happen again.
        run: Box<RunContext>,
    },
}

fn list(waiting: &[Handshake]) -> String {
    if waiting.is_empty() {
        return "no channel of a bus".into();
    }
    waiting.iter().map(Handshake::to_string).collect::<Vec<_>>().join("; ")
}

/// What it takes to see a failure again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunContext {
    /// The design's name.
    pub design: String,
    /// The board's name.
    pub board: &'static str,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// The cycle in which it failed.
    pub cycle: u64,
    /// The waves, if there are any.
    pub waves: Option<PathBuf>,
}

impl fmt::Display for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, seed {}, cycle {}", self.design, self.board, self.seed, self.cycle)?;
        match &self.waves {
            Some(path) => write!(f, ", waves in {}", path.display()),
            None => Ok(()),
        }
    }
}
