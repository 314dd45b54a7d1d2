//! Boards as data: what a simulated board is made of, and what packaging needs to know of a real one.

/// How a kernel's ports reach banks of DRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// All ports share the one bank's controller through one arbiter.
    Arbiter,
    /// Every bank has a controller of its own, and port i is wired to bank i modulo the banks, and to no other.
    PortABank,
}

/// What answers a board's memory ports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timing {
    /// Every port is answered every cycle, this many cycles after the request.
    Fixed {
        /// Cycles from address to first beat.
        latency: u32,
    },
    /// Latency, refusal, gaps and the order of address and data drawn from a seed. Error responses are not: a test asks for
    /// each one it wants.
    Hostile,
    /// Nothing: the board is known for packaging only.
    None,
    /// DRAMsim3 with the named configuration file of `sim/dram/`.
    Dram {
        /// File name without folder.
        config: &'static str,
        /// Who reaches which bank.
        wiring: Wiring,
        /// What the way through the interconnect to a controller and back costs, in cycles of the kernel.
        path: u32,
        /// Bursts of each direction that a port before DRAM holds.
        depth: u32,
    },
}

/// What a board's banks are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// A shell with one bank, or a board that no shell exists for: `bank0`.
    Bank,
    /// DDR4 channels: `DDR[0]`.
    Ddr,
    /// Pseudo-channels of HBM: `HBM[0]`.
    Hbm,
}

/// What Vivado and v++ have to be told of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// The FPGA.
    pub part: &'static str,
    /// The platform (shell) that v++ links against, without `.xpfm`.
    pub platform: &'static str,
}

/// One kind of board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Board {
    /// The name in `sim:NAME`.
    pub name: &'static str,
    /// Kernel clock in MHz.
    pub clock_mhz: f64,
    /// Memory banks.
    pub banks: u32,
    /// Bytes of one bank.
    pub bank_bytes: u64,
    /// Device address of the first bank.
    pub base: u64,
    /// Distance of two banks' first bytes.
    pub bank_stride: u64,
    /// Peak bytes a second of the whole memory, if it has one.
    pub peak_bytes_per_second: Option<f64>,
    /// Lanes of a kernel when the device name does not say.
    pub default_lanes: u32,
    /// Engines and ports of `sgcn_aggregate` when the device name does not say.
    pub default_engines: (u32, u32),
    /// What answers.
    pub timing: Timing,
    /// What the banks are made of, which decides how they are called.
    pub memory: MemoryKind,
    /// Compute units of an xclbin for this board.
    pub compute_units: u32,
    /// The card there is, for packaging.
    pub card: Option<Card>,
}

const GIB: u64 = 1 << 30;

/// Every board.
pub const BOARDS: &[Board] = &[
    Board {
        name: "ideal",
        clock_mhz: 300.0,
        banks: 4,
        bank_bytes: 4 * GIB,
        base: 0,
        bank_stride: 4 * GIB,
        peak_bytes_per_second: None,
        default_lanes: 4,
        default_engines: (4, 8),
        timing: Timing::Fixed { latency: 32 },
        memory: MemoryKind::Bank,
        compute_units: 2,
        card: None,
    },
    Board {
        name: "hostile",
        clock_mhz: 300.0,
        banks: 4,
        bank_bytes: 64 << 20,
        base: 0x12_3450_0000,
        bank_stride: 0x1_0771_1000,
        peak_bytes_per_second: None,
        default_lanes: 4,
        default_engines: (1, 1),
        timing: Timing::Hostile,
        memory: MemoryKind::Bank,
        compute_units: 1,
        card: None,
    },
    Board {
        name: "smartssd",
        clock_mhz: 300.0,
        banks: 1,
        bank_bytes: 4 * GIB,
        // As `xclbinutil --info` prints it for a design linked against this shell.
        base: 0x40_0000_0000,
        bank_stride: 4 * GIB,
        peak_bytes_per_second: Some(19.2e9),
        default_lanes: 2,
        default_engines: (4, 1),
        timing: Timing::Dram { config: "ddr4_2400_smartssd.ini", wiring: Wiring::Arbiter, path: 24, depth: 16 },
        memory: MemoryKind::Bank,
        compute_units: 1,
        card: Some(Card { part: "xcku15p-ffva1156-2LV-e", platform: "xilinx_u2_gen3x4_xdma_gc_2_202110_1" }),
    },
    Board {
        name: "hbm2-256",
        clock_mhz: 1000.0,
        banks: 8,
        bank_bytes: GIB,
        base: 0,
        bank_stride: GIB,
        peak_bytes_per_second: Some(256e9),
        default_lanes: 4,
        default_engines: (16, 8),
        // The queues that bind are the controllers', and the kernel's own: no port holds back what a kernel may have outstanding.
        timing: Timing::Dram { config: "hbm2_256.ini", wiring: Wiring::PortABank, path: 4, depth: 512 },
        memory: MemoryKind::Hbm,
        compute_units: 1,
        card: None,
    },
    Board {
        name: "u250",
        clock_mhz: 300.0,
        banks: 4,
        bank_bytes: 16 * GIB,
        base: 0x40_0000_0000,
        bank_stride: 64 * GIB,
        peak_bytes_per_second: Some(4.0 * 19.2e9),
        default_lanes: 2,
        default_engines: (4, 1),
        timing: Timing::None,
        memory: MemoryKind::Ddr,
        compute_units: 4,
        card: Some(Card { part: "xcu250-figd2104-2L-e", platform: "xilinx_u250_gen3x16_xdma_4_1_202210_1" }),
    },
    Board {
        name: "u280",
        clock_mhz: 300.0,
        banks: 32,
        bank_bytes: GIB / 4,
        base: 0,
        bank_stride: GIB / 4,
        peak_bytes_per_second: Some(32.0 * 14.375e9),
        default_lanes: 4,
        default_engines: (8, 8),
        // A port of the memory takes 64 ids. A closed row's 122 ns (Wang et al., "Shuhai", FCCM 2020) are 33 in DRAM and the way there.
        timing: Timing::Dram { config: "hbm2_u280.ini", wiring: Wiring::PortABank, path: 27, depth: 64 },
        memory: MemoryKind::Hbm,
        compute_units: 4,
        card: Some(Card { part: "xcu280-fsvh2892-2L-e", platform: "xilinx_u280_gen3x16_xdma_1_202211_1" }),
    },
    Board {
        name: "u55c",
        clock_mhz: 300.0,
        banks: 32,
        bank_bytes: GIB / 2,
        base: 0,
        bank_stride: GIB / 2,
        peak_bytes_per_second: Some(32.0 * 14.375e9),
        default_lanes: 4,
        default_engines: (8, 8),
        timing: Timing::None,
        memory: MemoryKind::Hbm,
        compute_units: 4,
        card: Some(Card { part: "xcu55c-fsvh2892-2L-e", platform: "xilinx_u55c_gen3x16_xdma_3_202210_1" }),
    },
];

impl Board {
    /// Finds a board by name.
    pub fn from_name(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|b| b.name == name)
    }

    /// Whether it can be simulated, or is known for packaging only.
    pub fn simulated(&self) -> bool {
        self.timing != Timing::None
    }

    /// The device address of a bank's first byte.
    pub fn bank_base(&self, bank: u32) -> u64 {
        self.base + u64::from(bank) * self.bank_stride
    }

    /// Whether kernels reach the host's memory, and XRT has host-only buffers. The packaging for cards links no master to it.
    pub fn host_memory(&self) -> bool {
        self.card.is_none()
    }

    /// What v++ calls a bank, and this project's xclbin files: `bank0`, `DDR[1]`, `HBM[31]`.
    pub fn bank_tag(&self, bank: u32) -> String {
        match self.memory {
            MemoryKind::Bank => format!("bank{bank}"),
            MemoryKind::Ddr => format!("DDR[{bank}]"),
            MemoryKind::Hbm => format!("HBM[{bank}]"),
        }
    }

    /// The bank that an AXI master of a compute unit is linked to: the banks are shared out evenly among the units, and a
    /// unit's among its masters.
    pub fn bank_of(&self, unit: u32, master: u32) -> u32 {
        let share = (self.banks / self.compute_units).max(1);
        (unit * share + master % share) % self.banks
    }
}

/// Where a card's kernels see the host's memory (XRT's host-only buffers), where the shell has such a port.
pub const HOST_MEMORY_BASE: u64 = 0x20_0000_0000;
/// Bytes of that range.
pub const HOST_MEMORY_BYTES: u64 = 16 * GIB;
/// What XRT calls it.
pub const HOST_MEMORY_TAG: &str = "HOST[0]";

/// The AXI4-Lite address of a compute unit in an xclbin that this project writes; v++ chooses its own.
pub const fn unit_base(unit: u32) -> u64 {
    0x180_0000 + unit as u64 * UNIT_RANGE
}

/// Bytes of the address range of a compute unit: the smallest that v++ gives.
pub const UNIT_RANGE: u64 = 0x1_0000;

/// The name of a compute unit, as v++ gives it: `smartupdate_1` is the first.
pub fn unit_name(kernel: &str, unit: u32) -> String {
    format!("{kernel}_{}", unit + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_master_of_every_unit_has_a_bank() {
        for board in BOARDS {
            for unit in 0..board.compute_units {
                let banks: Vec<u32> = (0..4).map(|master| board.bank_of(unit, master)).collect();
                assert!(banks.iter().all(|&bank| bank < board.banks), "{}: {banks:?}", board.name);
            }
        }
        let of = |name, unit, master| Board::from_name(name).unwrap().bank_of(unit, master);
        assert_eq!((of("smartssd", 0, 3), of("u250", 2, 3), of("u280", 3, 2), of("ideal", 1, 3)), (0, 2, 26, 3));
    }
}
