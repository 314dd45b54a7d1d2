//! What can go wrong in a step.

use crate::device::DeviceError;
use crate::source::GradientError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// An error of a step. The store is what it was before, unless [`HandlerError::Store`] says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The buffers do not fit.
    #[error("the step needs {needed} bytes of buffers at least, but may take {given}; give --memory {}M", needed.div_ceil(1 << 20))]
    Memory {
        /// What the smallest pieces take.
        needed: u64,
        /// What was allowed.
        given: u64,
    },
    /// The system has no memory for the buffers.
    #[error("the system has no memory for {bytes} bytes of buffers ({source}); give a smaller --memory")]
    NoMemory {
        /// All buffers together.
        bytes: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A read failed.
    #[error(
        "device {device} cannot read {} at byte {offset} (subgroup {subgroup}): {source}; the store is unchanged; see what the \
         system's log says of the drive, then `nearfield check`",
        path.display()
    )]
    Read {
        /// The device.
        device: usize,
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The subgroup there.
        subgroup: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A write failed.
    #[error(
        "device {device} cannot write {} at byte {offset} (subgroup {subgroup}): {source}; the store is unchanged; make room, or see \
         what the system's log says of the drive",
        path.display()
    )]
    Write {
        /// The device.
        device: usize,
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The subgroup there.
        subgroup: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The half-precision copy cannot be written.
    #[error("the half-precision copy cannot be written: {0}; the store is unchanged; make room or name another place")]
    Half(io::Error),
    /// A drive does not answer.
    #[error("device {device} did not finish a transfer in {seconds} s; the store is unchanged; see what the system's log says of it")]
    Stalled {
        /// The device.
        device: usize,
        /// How long was waited.
        seconds: u64,
    },
    /// Another device failed first.
    #[error("the step was stopped")]
    Stopped,
    /// The gradients cannot be read, or are broken.
    #[error(transparent)]
    Gradients(#[from] GradientError),
    /// The device that updates failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The store cannot be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HandlerError {
    /// Whether this was refused before anything ran or was written.
    pub fn refused(&self) -> bool {
        match self {
            HandlerError::Memory { .. } | HandlerError::NoMemory { .. } => true,
            HandlerError::Device(error) => error.refused(),
            _ => false,
        }
    }
}
