//! What a card's shell is to its kernels and its host: compute units at their addresses, memory, buffers.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use nearfield_abi::board::{unit_base, unit_name, HOST_MEMORY_BASE, HOST_MEMORY_BYTES};
use nearfield_abi::register::{self, control};

use crate::axi::{Memory, REMOTE_PAGE_BYTES};
use crate::{quiet_cycles, KernelSim, Options, SimError};

use super::buffers::{Buffers, FileRange};
use super::error::EmulatedError;
use super::host_memory::{HostMemory, HostRange};
use super::wire::MESSAGE_LIMIT;
use super::{Setup, Watch};

/// Cycles that pass between two signs of life: a tenth of a second where simulation is slow.
const SLICE_CYCLES: u64 = 4_000;

/// Why a call is not answered as it would like to be.
pub(super) enum Denied {
    /// The host is told so, and goes on; this is for the log.
    Refused(String),
    /// The host would not hear of it, and go on with wrong bytes.
    Copy(String),
    /// The board is at its end.
    Ended(EmulatedError),
}

impl<E: Into<EmulatedError>> From<E> for Denied {
    fn from(error: E) -> Denied {
        Denied::Ended(error.into())
    }
}

fn refused<T>(why: String) -> Result<T, Denied> {
    Err(Denied::Refused(why))
}

/// How far a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// Nothing was started, or the host has seen the end.
    Seen,
    /// A run was started, and is to be simulated.
    Started,
    /// It has ended with this word in the control register, which nobody has looked at.
    Ended(u32),
}

/// A compute unit.
struct Unit {
    name: String,
    sim: KernelSim,
    run: Run,
}

/// The board. Units have one memory, and run one after the other: what they would cost each other there is not simulated.
pub(super) struct Shell {
    units: Vec<Unit>,
    memory: Memory,
    buffers: Buffers,
}

impl Shell {
    /// Opens every compute unit of the board.
    pub(super) fn open(setup: &Setup, host: HostMemory) -> Result<Shell, EmulatedError> {
        let name = |index| unit_name(setup.config.kernel.name(), index);
        let failed = |index, error| EmulatedError::Unit { unit: name(index), source: Box::new(error) };
        let design = nearfield_hdl::kernel::emit(setup.config).map_err(|error| failed(0, error.into()))?;
        let open = |index| {
            let options = Options { quiet_cycles: quiet_cycles(&setup.config), ..options_of(&setup.options, index) };
            let sim = KernelSim::with_design(&design, setup.config.masters(), setup.board, options);
            Ok(Unit { name: name(index), sim: sim.map_err(|error| failed(index, error))?, run: Run::Seen })
        };
        let units = (0..setup.board.compute_units).map(open).collect::<Result<Vec<Unit>, EmulatedError>>()?;
        let mut memory = Memory::new(setup.board, setup.options.seed);
        if setup.board.host_memory() {
            let range = HostRange { memory: host, base: HOST_MEMORY_BASE };
            memory.attach(HOST_MEMORY_BASE, HOST_MEMORY_BYTES, Box::new(range));
        }
        Ok(Shell { units, memory, buffers: Buffers::new(setup.board, setup.folder.clone()) })
    }

    /// Allocates a buffer, and gives the name of its file if it lies in one.
    pub(super) fn allocate(&mut self, address: u64, bytes: u64, in_file: bool) -> Result<Option<Vec<u8>>, Denied> {
        let buffer = self.buffers.allocate(address, bytes, in_file).map_err(Denied::Refused)?;
        let Some(file) = &buffer.file else { return Ok(None) };
        let extent = bytes.next_multiple_of(REMOTE_PAGE_BYTES);
        let (name, opened) = (file.path().as_os_str().as_bytes().to_vec(), file.as_file().try_clone());
        let filled = opened.and_then(|file| fill(&self.memory, address, extent, &file).map(|()| file));
        match filled {
            Ok(file) => {
                self.memory.attach(address, extent, Box::new(FileRange(file)));
                Ok(Some(name))
            }
            Err(error) => {
                self.buffers.free(address);
                refused(format!("the file of the buffer at {address:#x} cannot be used: {error}"))
            }
        }
    }

    /// Frees a buffer. Those in the host's memory it keeps itself, and says so only when they go.
    pub(super) fn free(&mut self, address: u64) -> Result<(), Denied> {
        if (HOST_MEMORY_BASE..HOST_MEMORY_BASE + HOST_MEMORY_BYTES).contains(&address) {
            return Ok(());
        }
        self.memory.detach(match self.buffers.free(address) {
            Some(_) => address,
            None => return refused(format!("there is no buffer at {address:#x}")),
        })?;
        Ok(())
    }

    /// Copies into a buffer. What was started before has read its memory by then: a host that copies too late finds out.
    pub(super) fn write_memory(&mut self, address: u64, data: &[u8], watch: &mut dyn Watch) -> Result<(), Denied> {
        for unit in self.units.iter_mut().filter(|unit| unit.run == Run::Started) {
            let control = simulate(unit, &mut self.memory, watch).map_err(|error| unit_error(&unit.name, error))?;
            unit.run = Run::Ended(control);
        }
        let Some((buffer, offset)) = self.buffers.find(address, data.len() as u64) else {
            return Err(Denied::Copy(format!("{} bytes at {address:#x} lie in no buffer", data.len())));
        };
        match &buffer.file {
            Some(file) => {
                self.memory.settle()?;
                let written = file.as_file().write_all_at(data, offset);
                written.map_err(|error| Denied::Copy(format!("the buffer at {address:#x}: {error}")))
            }
            None => self.memory.write(address, data).map_err(|error| Denied::Copy(error.to_string())),
        }
    }

    /// Copies from a buffer: what lies there now, whatever was started and not waited for.
    pub(super) fn read_memory(&mut self, address: u64, bytes: u64) -> Result<Vec<u8>, Denied> {
        if bytes > MESSAGE_LIMIT {
            return Err(Denied::Copy(format!("{bytes} bytes are more than a message may have ({MESSAGE_LIMIT})")));
        }
        let Some((buffer, offset)) = self.buffers.find(address, bytes) else {
            return Err(Denied::Copy(format!("{bytes} bytes at {address:#x} lie in no buffer")));
        };
        let mut data = vec![0; bytes as usize];
        match &buffer.file {
            Some(file) => {
                self.memory.settle()?;
                let read = file.as_file().read_exact_at(&mut data, offset);
                read.map_err(|error| Denied::Copy(format!("the buffer at {address:#x}: {error}")))?;
            }
            None => self.memory.read(address, &mut data).map_err(|error| Denied::Copy(error.to_string()))?,
        }
        Ok(data)
    }

    /// Writes registers, a word after the other.
    pub(super) fn write_registers(&mut self, address: u64, data: &[u8]) -> Result<(), Denied> {
        let (index, offset) = self.register(address, data.len() as u64)?;
        let unit = &mut self.units[index];
        for (offset, word) in (offset..).step_by(4).zip(data.chunks_exact(4)) {
            let value = u32::from_le_bytes(word.try_into().expect("chunks of 4"));
            let starts = offset == register::CONTROL && value & control::START != 0;
            if starts && value & control::AUTO_RESTART != 0 {
                return refused(format!("{} is started by hand here, not again by itself", unit.name));
            }
            let written = unit.sim.with_memory(&mut self.memory, |sim| match starts && unit.run != Run::Started {
                true => sim.start(),
                false => sim.write_register(offset, value),
            });
            written.map_err(|error| unit_error(&unit.name, error))?;
            if starts {
                unit.run = Run::Started;
            }
        }
        Ok(())
    }

    /// Reads registers, a word after the other. The first look at the control register of a unit that was started lets it
    /// run to its end, so that cycles do not depend on how often a host looks.
    pub(super) fn read_registers(
        &mut self,
        address: u64,
        bytes: u64,
        watch: &mut dyn Watch,
    ) -> Result<Vec<u8>, Denied> {
        let (index, offset) = self.register(address, bytes)?;
        let mut data = Vec::new();
        for offset in (offset..).step_by(4).take((bytes / 4) as usize) {
            let unit = &mut self.units[index];
            let value = match (offset, unit.run) {
                (register::CONTROL, Run::Started) => simulate(unit, &mut self.memory, watch),
                (register::CONTROL, Run::Ended(control)) => Ok(control),
                _ => unit.sim.with_memory(&mut self.memory, |sim| sim.read_register(offset)),
            };
            if offset == register::CONTROL {
                unit.run = Run::Seen;
            }
            data.extend_from_slice(&value.map_err(|error| unit_error(&unit.name, error))?.to_le_bytes());
        }
        Ok(data)
    }

    /// The unit that has all of a range of words, and the range's place in its registers.
    fn register(&self, address: u64, bytes: u64) -> Result<(usize, u32), Denied> {
        let space = u64::from(register::SPACE_BYTES);
        let found = (0u32..).zip(&self.units).find_map(|(index, _)| {
            let offset = address.checked_sub(unit_base(index))?;
            (offset < space && bytes <= space - offset).then_some((index as usize, offset as u32))
        });
        let whole = address.is_multiple_of(4) && bytes.is_multiple_of(4) && bytes > 0;
        match found {
            Some(found) if whole => Ok(found),
            Some(_) => refused(format!("{bytes} bytes at {address:#x} are not whole registers")),
            None => refused(format!("{bytes} bytes at {address:#x} are registers of no compute unit")),
        }
    }
}

/// A unit's options: waves of every unit but the first go to files named after it.
fn options_of(options: &Options, unit: u32) -> Options {
    let trace = options.trace.as_ref().map(|path| match unit {
        0 => path.clone(),
        _ => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{stem}_{}.fst", unit + 1))
        }
    });
    Options { trace, ..options.clone() }
}

/// Gives a file the bytes that a range of the board's memory holds: whatever was left there, as on a card.
fn fill(memory: &Memory, address: u64, bytes: u64, file: &File) -> io::Result<()> {
    let mut page = vec![0; 1 << 20];
    for offset in (0..bytes).step_by(page.len()) {
        let piece = &mut page[..(bytes - offset).min(1 << 20) as usize];
        memory.read(address + offset, piece).map_err(io::Error::other)?;
        file.write_all_at(piece, offset)?;
    }
    Ok(())
}

/// Lets a unit that was started run to its end; gives what the control register read then.
fn simulate(unit: &mut Unit, memory: &mut Memory, watch: &mut dyn Watch) -> Result<u32, SimError> {
    loop {
        match unit.sim.with_memory(memory, |sim| sim.run_until_done(SLICE_CYCLES)) {
            Ok(report) => {
                tracing::debug!(unit = unit.name, cycles = report.cycles, "a run has ended");
                return Ok(report.control);
            }
            Err(SimError::TooLong { .. }) => watch.alive(),
            Err(error) => return Err(error),
        }
    }
}

/// An access that a unit answers with an error is the host's affair; anything else is the end.
fn unit_error(unit: &str, error: SimError) -> Denied {
    match error {
        SimError::Register { .. } => Denied::Refused(format!("{unit}: {error}")),
        SimError::Remote(error) => Denied::Ended(error.into()),
        error => Denied::Ended(EmulatedError::Unit { unit: unit.to_string(), source: Box::new(error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_do_not_write_their_waves_over_each_other() {
        let options = Options { trace: Some("/waves/run.fst".into()), ..Options::default() };
        let path = |unit| options_of(&options, unit).trace.unwrap();
        assert_eq!([path(0), path(1)].map(|p| p.display().to_string()), ["/waves/run.fst", "/waves/run_2.fst"]);
        assert_eq!(options_of(&Options::default(), 1), Options::default());
    }
}
