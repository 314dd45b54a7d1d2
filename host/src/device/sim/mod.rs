//! `sim:BOARD`: the generated kernel under Verilator, on a simulated board.

mod allocator;

use super::{
    argument_banks, check_arguments, check_range, registers, Buffer, Counters, Description, Device, DeviceError,
    DeviceSpec, Value,
};
use allocator::Allocator;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::Kernel;
use nearfield_sim::{KernelSim, Options, SimError};
use std::time::{Duration, Instant};

/// Cycles between two looks at the clock on the wall.
const SLICE_CYCLES: u64 = 100_000;

/// A kernel on a simulated board.
pub struct Sim {
    description: Description,
    kernel: KernelSim,
    allocator: Allocator,
}

impl Sim {
    /// [`Sim::open_kernel`] with the kernel for an optimizer's step that `spec` names.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(board: &'static Board, spec: &DeviceSpec) -> Result<Sim, DeviceError> {
        Sim::open_kernel(board, spec, spec.kernel())
    }

    /// Builds the kernel unless that has been done before, resets it, and makes sure that it is the one this program was
    /// made for.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Open`] if a tool is missing or the kernel cannot be built, [`DeviceError::WrongKernel`].
    pub fn open_kernel(board: &'static Board, spec: &DeviceSpec, kernel: Kernel) -> Result<Sim, DeviceError> {
        let config = spec.configuration(kernel, board).map_err(|what| DeviceError::Open { what })?;
        let options =
            Options { seed: spec.seed, clock_mhz: spec.clock_mhz, trace: spec.waves.clone(), ..Options::default() };
        let kernel =
            KernelSim::open(config, board, options).map_err(|error| DeviceError::Open { what: error.to_string() })?;
        let description = Description {
            name: spec.to_string(),
            kernel: config,
            lanes: Some(config.lanes),
            clock_mhz: Some(kernel.clock_mhz()),
            bank_bytes: vec![board.bank_bytes; board.banks as usize],
            optimizers: registers::optimizers(&config),
            argument_banks: argument_banks(&config, |master| master % board.banks),
            simulated: true,
        };
        let mut sim = Sim { description, kernel, allocator: Allocator::new(board) };
        let device = spec.to_string();
        registers::identify(&device, config.kernel, Some(config), &mut |offset| sim.read32(offset))?;
        Ok(sim)
    }

    /// The simulation below, for faults and for cycles.
    pub fn simulation(&mut self) -> &mut KernelSim {
        &mut self.kernel
    }

    fn read32(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.kernel.read_register(offset).map_err(simulation)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.kernel.write_register(offset, value).map_err(simulation)
    }

    fn check_allocated(&self, buffer: &Buffer) -> Result<(), DeviceError> {
        if self.allocator.holds(buffer.address, buffer.bank) {
            return Ok(());
        }
        Err(DeviceError::NoBuffer { address: buffer.address, bytes: buffer.bytes })
    }
}

fn simulation(error: SimError) -> DeviceError {
    DeviceError::Simulation { what: error.to_string() }
}

impl Device for Sim {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn allocate(&mut self, bytes: u64, bank: u32) -> Result<Buffer, DeviceError> {
        let device = || self.description.name.clone();
        let banks = self.description.bank_bytes.len();
        if bank as usize >= banks {
            return Err(DeviceError::NoSuchBank { device: device(), bank, banks });
        }
        match self.allocator.allocate(bytes, bank) {
            Some(address) => Ok(Buffer { address, bytes, bank }),
            None => Err(DeviceError::OutOfMemory { device: device(), bank, bytes, why: None }),
        }
    }

    fn release(&mut self, buffer: Buffer) {
        self.allocator.release(buffer.address, buffer.bank);
    }

    fn write(&mut self, buffer: &Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        self.check_allocated(buffer)?;
        check_range(buffer, offset, data.len())?;
        self.kernel.write_memory(buffer.address + offset, data).map_err(simulation)
    }

    fn read(&mut self, buffer: &Buffer, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        self.check_allocated(buffer)?;
        check_range(buffer, offset, into.len())?;
        self.kernel.read_memory(buffer.address + offset, into).map_err(simulation)
    }

    fn start(&mut self, arguments: &[Value]) -> Result<(), DeviceError> {
        check_arguments(&self.description.kernel, arguments)?;
        for (argument, value) in self.description.kernel.arguments().iter().zip(arguments) {
            match *value {
                Value::Pointer(buffer) => {
                    self.check_allocated(&buffer)?;
                    self.write32(argument.offset, buffer.address as u32)?;
                    self.write32(argument.offset + 4, (buffer.address >> 32) as u32)?;
                }
                Value::Null => {
                    self.write32(argument.offset, 0)?;
                    self.write32(argument.offset + 4, 0)?;
                }
                Value::U32(value) => self.write32(argument.offset, value)?,
                Value::F32(value) => self.write32(argument.offset, value.to_bits())?,
            }
        }
        self.kernel.start().map_err(simulation)
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), DeviceError> {
        let begun = Instant::now();
        loop {
            match self.kernel.run_until_done(SLICE_CYCLES) {
                Ok(_) => {
                    let config = self.description.kernel;
                    return registers::check_ended_well(&config, &mut |offset| self.read32(offset));
                }
                Err(SimError::TooLong { .. }) if begun.elapsed() < timeout => {}
                Err(SimError::TooLong { .. }) => return Err(DeviceError::Timeout { timeout }),
                Err(error) => return Err(simulation(error)),
            }
        }
    }

    fn register(&mut self, offset: u32) -> Result<Option<u32>, DeviceError> {
        self.read32(offset).map(Some)
    }

    fn counters(&mut self) -> Result<Option<Counters>, DeviceError> {
        let config = self.description.kernel;
        registers::counters(&config, &mut |offset| self.read32(offset)).map(Some)
    }
}

#[cfg(test)]
mod tests;
