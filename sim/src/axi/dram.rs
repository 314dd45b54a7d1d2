//! One bank of DRAM behind one arbiter that all ports share, timed by DRAMsim3.

use std::fs;
use std::sync::Mutex;

use dramsim3::MemorySystem;
use nearfield_abi::board::Board;
use nearfield_abi::kernel::AXI_BEAT_BYTES;

use super::pace::Traffic;

/// Configuration files by name; DRAMsim3 wants them on disk, so one is written to a folder that lives as long as its bank.
const CONFIGURATIONS: &[(&str, &str)] =
    &[("ddr4_2400_smartssd.ini", include_str!("../../dram/ddr4_2400_smartssd.ini"))];

/// Beats of one port that may be on their way from DRAM: what a port's read buffer holds.
const READS_IN_FLIGHT: u32 = 64;

/// DRAMsim3 counts its channels in a variable that all of a process' memories share without a lock.
static CREATION: Mutex<()> = Mutex::new(());

/// Why a bank of DRAM cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum DramError {
    /// The board names a configuration file that is not there.
    #[error("there is no DRAM configuration `{0}`; see sim/dram")]
    Unknown(String),
    /// The configuration does not make one beat of AXI one transaction of DRAM.
    #[error("`{name}` transfers {bytes} bytes at a time, a beat has {AXI_BEAT_BYTES}")]
    Width {
        /// The file.
        name: String,
        /// Bytes of one DRAM transaction.
        bytes: usize,
    },
    /// The file could not be written for DRAMsim3 to read.
    #[error("cannot write DRAMsim3's configuration file: {0}")]
    Write(#[from] std::io::Error),
}

/// A read that DRAM has not answered.
struct InFlight {
    address: u64,
    port: usize,
    burst: u64,
    beat: u32,
}

/// The bank, its arbiter and the ratio of its clock to the kernel's.
pub struct Dram {
    system: MemorySystem,
    base: u64,
    bytes: u64,
    dram_khz: u64,
    kernel_khz: u64,
    /// Time that DRAM lags behind the kernel, in units of 1 / (dram_khz · kernel_khz) milliseconds: no rounding adds up.
    behind: u64,
    in_flight: Vec<InFlight>,
    in_flight_of: Vec<u32>,
    answered: Vec<u64>,
    read_turn: usize,
    write_turn: usize,
    _folder: tempfile::TempDir,
}

impl Dram {
    /// The DRAM of `board`, configured by the file `name`, before `ports` ports of a kernel at `kernel_mhz`.
    ///
    /// # Errors
    ///
    /// The configuration is not known, or not usable.
    pub fn new(name: &str, board: &Board, kernel_mhz: f64, ports: usize) -> Result<Dram, DramError> {
        let (_, text) =
            CONFIGURATIONS.iter().find(|(n, _)| *n == name).ok_or_else(|| DramError::Unknown(name.to_string()))?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(name);
        fs::write(&file, text)?;
        let system = {
            let _one = CREATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            MemorySystem::new(&file, folder.path()).expect("neither path has a NUL in it, or they could not exist")
        };
        let bytes = system.bus_bits() / 8 * system.burst_length();
        if bytes != AXI_BEAT_BYTES as usize {
            return Err(DramError::Width { name: name.to_string(), bytes });
        }
        let dram_khz = (1e6 / system.tck()).round() as u64;
        Ok(Dram {
            system,
            base: board.base,
            bytes: board.bank_bytes,
            dram_khz,
            kernel_khz: (kernel_mhz * 1e3).round() as u64,
            behind: 0,
            in_flight: Vec::new(),
            in_flight_of: vec![0; ports],
            answered: Vec::new(),
            read_turn: 0,
            write_turn: 0,
            _folder: folder,
        })
    }

    /// One cycle of the kernel's clock: hands at most one read and one write beat of the ports to DRAM, as the one bus
    /// between arbiter and controller does, and lets DRAM's time pass.
    pub fn step<P: AsMut<Traffic>>(&mut self, cycle: u64, ports: &mut [P]) {
        self.ask_read(cycle, ports);
        self.ask_write(ports);
        self.behind += self.dram_khz;
        while self.behind >= self.kernel_khz {
            self.behind -= self.kernel_khz;
            let answered = &mut self.answered;
            self.system.tick(|address, write| {
                if !write {
                    answered.push(address);
                }
            });
        }
        for address in self.answered.drain(..) {
            let at = self.in_flight.iter().position(|f| f.address == address);
            let read = self.in_flight.remove(at.expect("DRAM answers what it was asked"));
            self.in_flight_of[read.port] -= 1;
            let reads = &mut ports[read.port].as_mut().reads;
            // A reset may have taken the burst away.
            if let Some(burst) = reads.iter_mut().find(|b| b.number == read.burst) {
                burst.answered |= 1 << read.beat;
            }
        }
    }

    /// The address in the bank of a beat of a burst, if it lies in it.
    fn offset(&self, address: u64, beat: u32) -> Option<u64> {
        let offset = (address + u64::from(beat * AXI_BEAT_BYTES)).checked_sub(self.base)?;
        (offset < self.bytes).then_some(offset)
    }

    /// Hands over a read beat of the port whose turn it is, or of the next one that has some. A turn lasts a burst, as in
    /// an interconnect of AXI: by the beat, DRAM's banks would be shared better than on a real board.
    fn ask_read<P: AsMut<Traffic>>(&mut self, cycle: u64, ports: &mut [P]) {
        for step in 0..ports.len() {
            let port = (self.read_turn + step) % ports.len();
            if self.in_flight_of[port] >= READS_IN_FLIGHT {
                continue;
            }
            let waiting = |b: &&mut super::ReadBurst| b.due <= cycle && b.asked < b.beats;
            let Some(burst) = ports[port].as_mut().reads.iter_mut().find(waiting) else { continue };
            match self.offset(burst.address, burst.asked) {
                // Nobody is there to ask; the port answers with an error.
                None => burst.answered |= 1 << burst.asked,
                Some(address) => {
                    if !self.system.can_add(address, false) {
                        continue;
                    }
                    self.system.add(address, false);
                    self.in_flight_of[port] += 1;
                    self.in_flight.push(InFlight { address, port, burst: burst.number, beat: burst.asked });
                }
            }
            burst.asked += 1;
            self.read_turn = port + usize::from(burst.asked == burst.beats);
            return;
        }
    }

    /// The same for write beats that have come.
    fn ask_write<P: AsMut<Traffic>>(&mut self, ports: &mut [P]) {
        for step in 0..ports.len() {
            let port = (self.write_turn + step) % ports.len();
            let Some(burst) = ports[port].as_mut().writes.iter_mut().find(|b| b.asked < b.received) else { continue };
            if let Some(address) = self.offset(burst.address, burst.asked) {
                if !self.system.can_add(address, true) {
                    continue;
                }
                self.system.add(address, true);
            }
            burst.asked += 1;
            self.write_turn = port + usize::from(burst.asked == burst.beats);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
