//! Why a checkpoint was not imported.

use crate::safetensors::SafetensorsError;
use crate::source::GradientError;
use std::io;
use std::path::PathBuf;

/// Why a checkpoint was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no safetensors file, or broken.
    #[error(transparent)]
    File(#[from] SafetensorsError),
    /// A tensor has another shape than its parameter.
    #[error(transparent)]
    Tensors(#[from] GradientError),
    /// No naming fits all tensors.
    #[error(
        "the names in {} are none that are known; one of these must be there for every parameter:\n{}{hint}",
        path.display(),
        missing.iter().map(|(naming, tensor)| format!("  {naming}: it has no {tensor}")).collect::<Vec<_>>().join("\n")
    )]
    Names {
        /// The checkpoint.
        path: PathBuf,
        /// Of each naming the first tensor that is missing.
        missing: Vec<(&'static str, String)>,
        /// What else to try, or nothing.
        hint: &'static str,
    },
    /// There is a tensor that is not needed.
    #[error(
        "{} has a tensor {tensor:?} which, by the names of {naming}, is neither a parameter nor a state of {optimizer}; leave it \
         out, or name the right optimizer or parameters",
        path.display()
    )]
    Surplus {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// How tensors are called there.
        naming: &'static str,
        /// The optimizer.
        optimizer: &'static str,
    },
    /// The number of steps cannot be told.
    #[error("{} does not say how many steps were done: {what}; say it with --step", path.display())]
    Step {
        /// The checkpoint.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// The list of names cannot be used.
    #[error("{} is no list of parameter names, one a line: {what}", path.display())]
    Order {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The list cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
