//! Simulated boards: kernels built with Verilator, memory that is never kind, DRAM timing and waves.
//!
//! [`verilate`] turns a design that `nearfield_hdl` printed into a loaded library; [`axi`] is the other side of its buses;
//! [`KernelSim`] puts a kernel on a board; [`emulated`] serves such boards to XRT.

pub mod axi;
pub mod emulated;
mod error;
mod kernel;
mod options;
mod printed;
pub mod sgcn;
pub mod verilate;

pub use error::{RunContext, SimError};
pub use kernel::{KernelSim, RunReport};
pub use options::{quiet_cycles, Options};
