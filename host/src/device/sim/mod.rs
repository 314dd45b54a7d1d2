//! `sim:BOARD`: the generated kernel under Verilator, on a simulated board.

mod allocator;

use super::{
    check_arguments, check_range, Buffer, Counters, Description, Device, DeviceError, DeviceSpec, StreamCounters, Value,
};
use allocator::Allocator;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::KernelConfig;
use nearfield_abi::{register, ABI_VERSION};
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
    /// Builds the kernel unless that has been done before, resets it, and makes sure that it is the one this program was
    /// made for.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Open`] if a tool is missing or the kernel cannot be built, [`DeviceError::WrongKernel`].
    pub fn open(board: &'static Board, spec: &DeviceSpec) -> Result<Sim, DeviceError> {
        let lanes = spec.lanes.unwrap_or(board.default_lanes);
        let config = KernelConfig::smartupdate(lanes).ok_or_else(|| DeviceError::Open {
            what: format!("there is no smartupdate kernel with {lanes} lanes; see `nearfield kernels`"),
        })?;
        let options =
            Options { seed: spec.seed, clock_mhz: spec.clock_mhz, trace: spec.waves.clone(), ..Options::default() };
        let kernel =
            KernelSim::open(config, board, options).map_err(|error| DeviceError::Open { what: error.to_string() })?;
        let description = Description {
            name: spec.to_string(),
            kernel: config,
            lanes: Some(lanes),
            clock_mhz: Some(kernel.clock_mhz()),
            bank_bytes: vec![board.bank_bytes; board.banks as usize],
        };
        let mut sim = Sim { description, kernel, allocator: Allocator::new(board) };
        sim.identify()?;
        Ok(sim)
    }

    /// The simulation below, for faults and for cycles.
    pub fn simulation(&mut self) -> &mut KernelSim {
        &mut self.kernel
    }

    fn identify(&mut self) -> Result<(), DeviceError> {
        let config = self.description.kernel;
        let id = u64::from(self.read32(register::KERNEL_ID)?);
        let version = u64::from(self.read32(register::ABI_VERSION)?);
        let hash = self.read64(register::CONFIGURATION_HASH)?;
        for (name, found, expected) in [
            ("kernel_id", id, u64::from(config.kernel.id())),
            ("abi_version", version, u64::from(ABI_VERSION)),
            ("configuration_hash", hash, config.hash()),
        ] {
            if found != expected {
                let device = self.description.name.clone();
                return Err(DeviceError::WrongKernel { device, register: name, found, expected });
            }
        }
        Ok(())
    }

    fn read32(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.kernel.read_register(offset).map_err(simulation)
    }

    fn read64(&mut self, offset: u32) -> Result<u64, DeviceError> {
        Ok(u64::from(self.read32(offset)?) | u64::from(self.read32(offset + 4)?) << 32)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.kernel.write_register(offset, value).map_err(simulation)
    }

    /// Turns the error registers of a run that has ended into an error.
    fn check_ended_well(&mut self) -> Result<(), DeviceError> {
        let code = self.read32(register::ERROR_CODE)?;
        if code == register::error::NONE {
            return Ok(());
        }
        let port = self.read32(register::ERROR_PORT)?;
        let address = self.read64(register::ERROR_ADDRESS)?;
        let config = self.description.kernel;
        let unknown = DeviceError::UnknownCode { code, port, address };
        Err(match code {
            register::error::AXI_READ | register::error::AXI_WRITE => match config.masters().get(port as usize) {
                Some(master) => DeviceError::Axi { code, port: master.name.into(), address },
                None => unknown,
            },
            register::error::ARGUMENT => match config.arguments().get(port as usize) {
                Some(argument) => DeviceError::KernelArgument { argument: argument.name.into() },
                None => unknown,
            },
            _ => unknown,
        })
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
            None => Err(DeviceError::OutOfMemory { device: device(), bank, bytes }),
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
                Ok(_) => return self.check_ended_well(),
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
        let cycles = self.read64(register::CYCLES)?;
        let mut streams = Vec::new();
        for (index, stream) in self.description.kernel.streams().iter().enumerate() {
            let base = register::STREAMS + index as u32 * register::STREAM_STRIDE;
            let beats = self.read64(base + register::stream::BEATS)?;
            let stalls = self.read64(base + register::stream::STALLS)?;
            streams.push(StreamCounters { name: stream.name, beats, stalls });
        }
        Ok(Some(Counters { cycles, streams }))
    }
}

#[cfg(test)]
mod tests;
