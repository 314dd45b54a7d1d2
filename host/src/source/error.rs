//! Why gradients, or parameters, were not taken.

use crate::safetensors::SafetensorsError;
use crate::topk::Malformed;
use std::path::PathBuf;

/// Why a file's tensors are not those of a model.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// The file has a tensor that the model has not.
    #[error("{} has a tensor {name:?} for which there is no parameter; leave it out, or name the right store", path.display())]
    NoParameter {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The file lacks a tensor.
    #[error("{} has no tensor for the parameter {name:?}; every parameter needs one of its name", path.display())]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
    },
    /// A tensor has another shape than the parameter.
    #[error("tensor {name:?} in {} has the shape {found:?}, but the parameter has {expected:?}; reshape it, or name the right store", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape in the file.
        found: Vec<u64>,
        /// The parameter's shape.
        expected: Vec<u64>,
    },
}

/// Why gradients were not read.
#[derive(Debug, thiserror::Error)]
pub enum GradientError {
    /// It is no safetensors file, or cannot be read.
    #[error(transparent)]
    File(#[from] SafetensorsError),
    /// Its tensors are not those of the model.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// Its subgroups are not those of the model.
    #[error("{} does not have the subgroups of this store: {what}; compress the gradients again for this store", path.display())]
    Subgroups {
        /// The file.
        path: PathBuf,
        /// What is missing or too much.
        what: String,
    },
    /// Dense tensors of several types.
    #[error("{} has gradients of several types; convert them to one of F32, F16 and BF16", path.display())]
    Mixed {
        /// The file.
        path: PathBuf,
    },
    /// A stream is broken.
    #[error(
        "the gradients of subgroup {subgroup} are not a valid Top-K stream: {malformed}; compress the gradients again"
    )]
    Malformed {
        /// Which one.
        subgroup: usize,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// The system has no memory for a piece.
    #[error("the system has no memory for {bytes} bytes of gradients ({source}); free some")]
    NoMemory {
        /// How much.
        bytes: usize,
        /// What the system said.
        source: std::io::Error,
    },
    /// Compressed gradients could not be kept beside the state until the step has read them.
    #[error(
        "cannot write the compressed gradients in the store's first folder, or read them back: {0}; make room there"
    )]
    Spool(std::io::Error),
    /// Accumulated gradients could not be read back.
    #[error("accumulated gradients cannot be read: {0}; accumulate them again")]
    Accumulated(String),
    /// What was not sent could not be read back.
    #[error("what earlier steps did not send cannot be read: {0}; see `nearfield check`")]
    Residual(String),
}

impl GradientError {
    /// Whether this is no fault of what was asked for: a full disk, damage.
    pub fn is_failure(&self) -> bool {
        matches!(self, GradientError::Spool(_) | GradientError::Accumulated(_) | GradientError::Residual(_))
    }
}
