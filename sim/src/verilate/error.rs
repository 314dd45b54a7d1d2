//! What can go wrong between a design and its simulation.

use std::path::PathBuf;

/// Why a design could not be built or loaded.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program or a header that Debian has in a package.
    #[error("`{tool}` was not found; install it: apt-get install {package}")]
    MissingTool {
        /// The program.
        tool: &'static str,
        /// The Debian package.
        package: &'static str,
    },
    /// A tool is there, but does not work.
    #[error("`{command}` failed; check its installation:\n{log}")]
    Tool {
        /// The command.
        command: String,
        /// What it said.
        log: String,
    },
    /// Verilator or the compiler refused the design.
    #[error("{tool} refused `{top}`:\n{log}")]
    Refused {
        /// Which program.
        tool: &'static str,
        /// The design.
        top: String,
        /// The part of its output that says why.
        log: String,
    },
    /// Parts of a bundle that cannot stand in one design.
    #[error("cannot bundle `{name}`: {reason}")]
    Bundle {
        /// The bundle.
        name: String,
        /// Why.
        reason: String,
    },
    /// The cache folder must not be writable for others: what lies in it is loaded into this process.
    #[error("the cache folder {} is open to other users; run `chmod 700 {}`, or set NEARFIELD_CACHE to a folder of your own", .0.display(), .0.display())]
    OpenCache(PathBuf),
    /// No folder to keep built designs in.
    #[error("there is no cache folder: set NEARFIELD_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// Another process holds the lock of an entry for too long.
    #[error("another process has been building {} for {minutes} minutes; wait for it, or end it", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this one has waited.
        minutes: u64,
    },
    /// An operation on the file system failed.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The built library could not be loaded.
    #[error("cannot load {}: {source}; delete its folder to have it built again", .path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// The built library's ports are not the design's.
    #[error("{} has other ports than its design ({reason}); delete its folder to have it built again", .path.display())]
    Interface {
        /// The library.
        path: PathBuf,
        /// Which.
        reason: String,
    },
}

/// A port that a design does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no port `{name}`; there are: {ports}")]
pub struct PortError {
    /// What was asked for.
    pub name: String,
    /// The ports there are, separated by commas.
    pub ports: String,
}

/// What Verilator's run-time library said when it gave up, a combinational loop that does not settle for example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulation of `{top}` gave up: {message}")]
pub struct EvalError {
    /// The design.
    pub top: String,
    /// Verilator's message.
    pub message: String,
}

/// Why waves cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// The design was built without [`super::Options::trace`].
    #[error("`{0}` was built without waves; build it with `Options {{ trace: true, .. }}`")]
    NotBuilt(String),
    /// The file cannot be written.
    #[error("cannot write waves to {}", .0.display())]
    File(PathBuf),
}

/// Makes a [`BuildError::Io`] of what the system said.
pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Io { action, path, source }
}
