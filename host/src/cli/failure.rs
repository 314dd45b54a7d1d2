//! How a command ends when it does not succeed.

use nearfield::device::DeviceError;
use nearfield::gcn::RunError;
use nearfield::handler::HandlerError;
use nearfield::lm::TrainError;
use nearfield::safetensors::SafetensorsError;
use nearfield::source::{GradientError, SendError};
use nearfield::store::StoreError;
use nearfield::xclbin::XclbinError;

/// Refused before anything ran or was written.
pub const REFUSED: u8 = 2;
/// Began and failed.
pub const FAILED: u8 = 1;

/// An error with the exit code it leads to.
#[derive(Debug)]
pub struct Failure {
    /// [`REFUSED`] or [`FAILED`].
    pub code: u8,
    /// What happened and what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// Refused before anything ran or was written.
    pub fn refused(error: impl Into<anyhow::Error>) -> Failure {
        Failure { code: REFUSED, error: error.into() }
    }

    /// Began and failed.
    pub fn failed(error: impl Into<anyhow::Error>) -> Failure {
        Failure { code: FAILED, error: error.into() }
    }

    /// A store's error while a new one was being made of it: what turns up then was not seen when it was opened.
    pub fn begun(error: StoreError) -> Failure {
        match error {
            StoreError::Damaged { .. } | StoreError::Read { .. } => Failure::failed(error),
            other => other.into(),
        }
    }

    fn either(refused: bool, error: impl Into<anyhow::Error>) -> Failure {
        Failure { code: if refused { REFUSED } else { FAILED }, error: error.into() }
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Failure {
        Failure::either(error.refused(), error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure::either(error.refused(), error)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Failure {
        Failure::either(error.refused(), error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::either(error.refused(), error)
    }
}

// Files are read before anything runs.
impl From<SafetensorsError> for Failure {
    fn from(error: SafetensorsError) -> Failure {
        Failure::refused(error)
    }
}

impl From<XclbinError> for Failure {
    fn from(error: XclbinError) -> Failure {
        Failure::refused(error)
    }
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Failure {
        Failure::either(error.refused(), error)
    }
}

impl From<GradientError> for Failure {
    fn from(error: GradientError) -> Failure {
        Failure::either(!error.is_failure(), error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Failure {
        match error {
            SendError::Gradients(error) => error.into(),
            other => Failure::refused(other),
        }
    }
}
