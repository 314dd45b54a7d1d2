//! Why nothing was packaged.

use crate::names;
use nearfield_abi::kernel::KernelConfig;
use std::path::PathBuf;

/// Why a package could not be made, written or built.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No card has this name.
    #[error("there is no card `{name}`; there are {cards}")]
    Board {
        /// What was asked for.
        name: String,
        /// The names there are.
        cards: String,
    },
    /// No configuration has this name.
    #[error("there is no kernel `{name}`; there are {kernels}")]
    Kernel {
        /// What was asked for.
        name: String,
        /// The names there are.
        kernels: String,
    },
    /// The kernel's Verilog cannot be printed.
    #[error("{name} cannot be printed: {source}")]
    Emit {
        /// The configuration.
        name: String,
        /// The back end's reason.
        source: nearfield_hdl::emit::EmitError,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}; name a folder that can be written with -o", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A build script did not end well.
    #[error("{} failed ({how}); its last line above names the log to read", script.display())]
    Build {
        /// The script.
        script: PathBuf,
        /// Exit status, or why it could not be started.
        how: String,
    },
}

impl PackageError {
    pub(crate) fn kernel(name: String) -> PackageError {
        PackageError::Kernel { name, kernels: names(KernelConfig::all(), KernelConfig::name) }
    }

    /// Whether it was refused before anything was written.
    pub fn refused(&self) -> bool {
        matches!(self, PackageError::Board { .. } | PackageError::Kernel { .. } | PackageError::Emit { .. })
    }
}
