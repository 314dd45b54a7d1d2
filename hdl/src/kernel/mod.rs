//! Kernel tops: wiring only.

use crate::emit::{Design, EmitError};
use nearfield_abi::kernel::KernelConfig;

/// Prints a kernel.
pub fn emit(config: KernelConfig) -> Result<Design, EmitError> {
    Err(EmitError::new(config.name(), "kernel", "it is not written yet"))
}
