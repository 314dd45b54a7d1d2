//! How a kernel is simulated, and how long it may work without a transfer.

use std::path::PathBuf;

use nearfield_abi::kernel::gradient_norm::MAX_TOPK_ELEMENTS;
use nearfield_abi::kernel::{Kernel, KernelConfig};

/// How a kernel is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Everything that is drawn is drawn from this: the pace of `hostile`, what unwritten memory and unset state hold.
    pub seed: u64,
    /// The kernel's clock; the board's if not given. It matters where memory has a clock of its own.
    pub clock_mhz: Option<f64>,
    /// Where waves (FST) go. The kernel is built once more for them.
    pub trace: Option<PathBuf>,
    /// Cycles without a transfer on any channel after which a run, or an access to a register, is given up.
    pub watchdog_cycles: u64,
    /// So many more for a run of a kernel that is known to leave its buses alone while it works: [`quiet_cycles`].
    pub quiet_cycles: u64,
    /// Let all state begin with pseudo-random values instead of its initial ones, so that only reset brings the kernel
    /// into order; a build of its own.
    pub randomize: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { seed: 1, clock_mhz: None, trace: None, watchdog_cycles: 20_000, quiet_cycles: 0, randomize: false }
    }
}

/// The most cycles for which a kernel may leave its buses alone though it works. Of a Top-K stream that keeps little, all may lie in
/// the buffers while zeros are counted, up to the longest run; a kernel that writes what it makes of them moves all the time.
pub fn quiet_cycles(config: &KernelConfig) -> u64 {
    match config.kernel {
        Kernel::SmartUpdate | Kernel::SmartUpdateOf(_) | Kernel::SgcnAggregate => 0,
        Kernel::GradientNorm => u64::from(MAX_TOPK_ELEMENTS / config.lanes),
    }
}
