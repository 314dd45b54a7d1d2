//! Banks of DRAM, timed by DRAMsim3: one behind one arbiter that all ports share, or each behind a controller of its own.

mod controller;

use std::fs;
use std::sync::Mutex;

use dramsim3::MemorySystem;
use nearfield_abi::board::{Board, Wiring};
use nearfield_abi::kernel::AXI_BEAT_BYTES;

use super::traffic::Traffic;
use controller::Controller;

/// Configuration files by name; DRAMsim3 wants them on disk, so one is written to a folder that lives as long as its banks.
const CONFIGURATIONS: &[(&str, &str)] = &[
    ("ddr4_2400_smartssd.ini", include_str!("../../dram/ddr4_2400_smartssd.ini")),
    ("hbm2_256.ini", include_str!("../../dram/hbm2_256.ini")),
    ("hbm2_u280.ini", include_str!("../../dram/hbm2_u280.ini")),
];

/// Beats of one port that may be on their way from DRAM behind an arbiter: what a port's read buffer there holds.
const READS_IN_FLIGHT: u32 = 64;

/// DRAMsim3 counts its channels in a variable that all of a process' memories share without a lock.
static CREATION: Mutex<()> = Mutex::new(());

/// Why DRAM cannot be simulated.
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

/// The banks that ports are wired to, and the ratio of their clock to the kernel's.
pub struct Dram {
    controllers: Vec<Controller>,
    dram_khz: u64,
    kernel_khz: u64,
    /// Time that DRAM lags behind the kernel, in units of 1 / (dram_khz · kernel_khz) milliseconds: no rounding adds up.
    behind: u64,
    _folder: tempfile::TempDir,
}

impl Dram {
    /// The DRAM of `board`, configured by the file `name`, before `ports` ports of a kernel at `kernel_mhz`. Banks that no port is
    /// wired to are not simulated.
    ///
    /// # Errors
    ///
    /// The configuration is not known, or not usable.
    pub fn new(name: &str, wiring: Wiring, board: &Board, kernel_mhz: f64, ports: usize) -> Result<Dram, DramError> {
        let (_, text) =
            CONFIGURATIONS.iter().find(|(n, _)| *n == name).ok_or_else(|| DramError::Unknown(name.to_string()))?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(name);
        fs::write(&file, text)?;
        let system = || {
            let _one = CREATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            MemorySystem::new(&file, folder.path()).expect("neither path has a NUL in it, or they could not exist")
        };
        let of_bank = |bank: u32| match wiring {
            Wiring::Arbiter => (0..ports).collect::<Vec<usize>>(),
            Wiring::PortABank => (bank as usize..ports).step_by(board.banks as usize).collect(),
        };
        let most = match wiring {
            Wiring::Arbiter => READS_IN_FLIGHT,
            Wiring::PortABank => u32::MAX,
        };
        let banks = if wiring == Wiring::Arbiter { 1 } else { board.banks };
        let used = (0..banks).map(|bank| (bank, of_bank(bank))).filter(|(_, ports)| !ports.is_empty());
        let controllers: Vec<Controller> = used
            .map(|(bank, ports)| Controller::new(system(), board.bank_base(bank), board.bank_bytes, ports, most))
            .collect();
        let system = controllers[0].system();
        let bytes = system.bus_bits() / 8 * system.burst_length();
        if bytes != AXI_BEAT_BYTES as usize {
            return Err(DramError::Width { name: name.to_string(), bytes });
        }
        let dram_khz = (1e6 / system.tck()).round() as u64;
        Ok(Dram { controllers, dram_khz, kernel_khz: (kernel_mhz * 1e3).round() as u64, behind: 0, _folder: folder })
    }

    /// One cycle of the kernel's clock: hands at most one read and one write beat to each controller, as the one bus before it
    /// does, and lets DRAM's time pass.
    pub fn step<P: AsMut<Traffic>>(&mut self, cycle: u64, ports: &mut [P]) {
        self.behind += self.dram_khz;
        let ticks = self.behind / self.kernel_khz;
        self.behind %= self.kernel_khz;
        for controller in &mut self.controllers {
            controller.step(cycle, ticks, ports);
        }
    }
}

#[cfg(test)]
mod tests;
