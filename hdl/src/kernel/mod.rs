//! Kernel tops: wiring only.

pub mod gradient_norm;
mod gradients;
mod sequencer;
pub mod sgcn_aggregate;
pub mod smartupdate;

pub use gradients::Gradients;
pub use sequencer::{Phase, Sequencer};

use crate::emit::{Design, EmitError};
use gradient_norm::{GradientNorm1, GradientNorm2, GradientNorm4, GradientNorm8};
use nearfield_abi::kernel::{Kernel, KernelConfig, AXI_BURST_BEATS, AXI_READS_OUTSTANDING};
use sgcn_aggregate::{EightPorts1, EightPorts16, EightPorts2, EightPorts4, EightPorts8};
use sgcn_aggregate::{OnePort1, OnePort16, OnePort2, OnePort4, OnePort8};
use smartupdate::{OneState1, OneState2, OneState4, OneState8, SmartUpdate1, SmartUpdate2, SmartUpdate4, SmartUpdate8};
use smartupdate::{TwoStates1, TwoStates2, TwoStates4, TwoStates8};

/// Places of a mover's buffer, 512: what a row of RAMB36 of 512 bits gives whether they are used or not.
pub const DEPTH: u64 = (AXI_READS_OUTSTANDING * AXI_BURST_BEATS) as u64;

/// Prints a kernel; its top module and the prefix of all others is the kernel's name.
///
/// # Errors
///
/// The configuration does not exist.
pub fn emit(config: KernelConfig) -> Result<Design, EmitError> {
    let print = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || print(config));
    let print =
        print.map_err(|e| EmitError::new(config.kernel.name(), "stack", format!("no thread to print on: {e}")))?;
    print.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A kernel's block is a value of several 100 KB, and building it without optimisation keeps some copies of it on the
/// stack: more than the 2 MiB of a thread.
const STACK_BYTES: usize = 512 << 20;

fn print(config: KernelConfig) -> Result<Design, EmitError> {
    let name = config.kernel.name();
    match (config.kernel, config.lanes, config.ports) {
        (Kernel::SmartUpdate, 1, _) => crate::emit::emit(&SmartUpdate1::new(&config), name, name),
        (Kernel::SmartUpdate, 2, _) => crate::emit::emit(&SmartUpdate2::new(&config), name, name),
        (Kernel::SmartUpdate, 4, _) => crate::emit::emit(&SmartUpdate4::new(&config), name, name),
        (Kernel::SmartUpdate, 8, _) => crate::emit::emit(&SmartUpdate8::new(&config), name, name),
        (Kernel::GradientNorm, 1, _) => crate::emit::emit(&GradientNorm1::new(&config), name, name),
        (Kernel::GradientNorm, 2, _) => crate::emit::emit(&GradientNorm2::new(&config), name, name),
        (Kernel::GradientNorm, 4, _) => crate::emit::emit(&GradientNorm4::new(&config), name, name),
        (Kernel::GradientNorm, 8, _) => crate::emit::emit(&GradientNorm8::new(&config), name, name),
        (Kernel::SmartUpdateOf(one), lanes, _) => match (one.states().len(), lanes) {
            (1, 1) => crate::emit::emit(&OneState1::new(&config, one), name, name),
            (1, 2) => crate::emit::emit(&OneState2::new(&config, one), name, name),
            (1, 4) => crate::emit::emit(&OneState4::new(&config, one), name, name),
            (1, 8) => crate::emit::emit(&OneState8::new(&config, one), name, name),
            (2, 1) => crate::emit::emit(&TwoStates1::new(&config, one), name, name),
            (2, 2) => crate::emit::emit(&TwoStates2::new(&config, one), name, name),
            (2, 4) => crate::emit::emit(&TwoStates4::new(&config, one), name, name),
            (2, 8) => crate::emit::emit(&TwoStates8::new(&config, one), name, name),
            _ => Err(none(&config)),
        },
        (Kernel::SgcnAggregate, 1, 1) => crate::emit::emit(&OnePort1::new(&config), name, name),
        (Kernel::SgcnAggregate, 2, 1) => crate::emit::emit(&OnePort2::new(&config), name, name),
        (Kernel::SgcnAggregate, 4, 1) => crate::emit::emit(&OnePort4::new(&config), name, name),
        (Kernel::SgcnAggregate, 8, 1) => crate::emit::emit(&OnePort8::new(&config), name, name),
        (Kernel::SgcnAggregate, 16, 1) => crate::emit::emit(&OnePort16::new(&config), name, name),
        (Kernel::SgcnAggregate, 1, 8) => crate::emit::emit(&EightPorts1::new(&config), name, name),
        (Kernel::SgcnAggregate, 2, 8) => crate::emit::emit(&EightPorts2::new(&config), name, name),
        (Kernel::SgcnAggregate, 4, 8) => crate::emit::emit(&EightPorts4::new(&config), name, name),
        (Kernel::SgcnAggregate, 8, 8) => crate::emit::emit(&EightPorts8::new(&config), name, name),
        (Kernel::SgcnAggregate, 16, 8) => crate::emit::emit(&EightPorts16::new(&config), name, name),
        _ => Err(none(&config)),
    }
}

fn none(config: &KernelConfig) -> EmitError {
    let name = config.kernel.name();
    let there = KernelConfig::of(config.kernel);
    EmitError::new(name, "lanes", format!("there is no {name} with {} lanes; there are: {there:?}", config.lanes))
}
