//! Boards as data: what a simulated board is made of, and what packaging needs to know of a real one.

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
    /// DRAMsim3 with the named configuration file of `sim/dram/`.
    Dram {
        /// File name without folder.
        config: &'static str,
    },
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
    /// Lanes of `smartupdate` when the device name does not say.
    pub default_lanes: u32,
    /// What answers.
    pub timing: Timing,
    /// Whether it can be simulated, or is known for packaging only.
    pub simulated: bool,
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
        timing: Timing::Fixed { latency: 32 },
        simulated: true,
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
        timing: Timing::Hostile,
        simulated: true,
    },
    Board {
        name: "smartssd",
        clock_mhz: 300.0,
        banks: 1,
        bank_bytes: 4 * GIB,
        base: 0x4_0000_0000,
        bank_stride: 4 * GIB,
        peak_bytes_per_second: Some(19.2e9),
        default_lanes: 2,
        timing: Timing::Dram { config: "ddr4_2400_smartssd.ini" },
        simulated: true,
    },
];

impl Board {
    /// Finds a board by name.
    pub fn from_name(name: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|b| b.name == name)
    }

    /// The device address of a bank's first byte.
    pub fn bank_base(&self, bank: u32) -> u64 {
        self.base + u64::from(bank) * self.bank_stride
    }
}
