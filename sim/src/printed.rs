//! Kernels as Verilog, each printed once a process: with 16 engines that takes seconds, and a bench opens a device a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nearfield_abi::kernel::KernelConfig;
use nearfield_hdl::emit::{Design, EmitError};

/// The kernel's Verilog.
///
/// # Errors
///
/// As [`nearfield_hdl::kernel::emit`].
pub(crate) fn printed(config: KernelConfig) -> Result<Arc<Design>, EmitError> {
    static PRINTED: Mutex<BTreeMap<KernelConfig, Arc<Design>>> = Mutex::new(BTreeMap::new());
    let mut designs = PRINTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(design) = designs.get(&config) {
        return Ok(design.clone());
    }
    let design = Arc::new(nearfield_hdl::kernel::emit(config)?);
    designs.insert(config, design.clone());
    Ok(design)
}
