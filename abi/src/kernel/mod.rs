//! Kernels, their configurations, ports and arguments.

pub mod gradient_norm;
mod gradients;
pub mod sgcn;
pub mod smartupdate;

use crate::register;
use smartupdate::Optimizer;

/// A kernel of the family, whatever its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// `smartupdate`: the optimizer step on a flat run of elements.
    SmartUpdate,
    /// `gradient_norm`: the exact sum of squares of a gradient.
    GradientNorm,
    /// `smartupdate_adamw` and its like: the optimizer step of one optimizer alone.
    SmartUpdateOf(Optimizer),
    /// `sgcn_aggregate`: the weighted sum of the neighbours' feature rows.
    SgcnAggregate,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: &'static [Kernel] = &[
        Kernel::SmartUpdate,
        Kernel::GradientNorm,
        Kernel::SmartUpdateOf(Optimizer::AdamW),
        Kernel::SmartUpdateOf(Optimizer::Adam),
        Kernel::SmartUpdateOf(Optimizer::Adagrad),
        Kernel::SmartUpdateOf(Optimizer::Lion),
        Kernel::SmartUpdateOf(Optimizer::Sgd),
        Kernel::SgcnAggregate,
    ];

    /// The name of the Verilog module, of the Vitis kernel and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Kernel::SmartUpdate => "smartupdate",
            Kernel::GradientNorm => "gradient_norm",
            Kernel::SmartUpdateOf(Optimizer::AdamW) => "smartupdate_adamw",
            Kernel::SmartUpdateOf(Optimizer::Adam) => "smartupdate_adam",
            Kernel::SmartUpdateOf(Optimizer::Adagrad) => "smartupdate_adagrad",
            Kernel::SmartUpdateOf(Optimizer::Lion) => "smartupdate_lion",
            Kernel::SmartUpdateOf(Optimizer::Sgd) => "smartupdate_sgd",
            Kernel::SgcnAggregate => "sgcn_aggregate",
        }
    }

    /// What [`register::KERNEL_ID`] reads: four ASCII letters, the first in the low byte.
    pub const fn id(self) -> u32 {
        match self {
            Kernel::SmartUpdate => u32::from_le_bytes(*b"NFSU"),
            Kernel::GradientNorm => u32::from_le_bytes(*b"NFGN"),
            Kernel::SmartUpdateOf(Optimizer::AdamW) => u32::from_le_bytes(*b"NFAW"),
            Kernel::SmartUpdateOf(Optimizer::Adam) => u32::from_le_bytes(*b"NFAM"),
            Kernel::SmartUpdateOf(Optimizer::Adagrad) => u32::from_le_bytes(*b"NFAG"),
            Kernel::SmartUpdateOf(Optimizer::Lion) => u32::from_le_bytes(*b"NFLI"),
            Kernel::SmartUpdateOf(Optimizer::Sgd) => u32::from_le_bytes(*b"NFSG"),
            Kernel::SgcnAggregate => u32::from_le_bytes(*b"NFSA"),
        }
    }

    /// Finds a kernel by [`Kernel::name`].
    pub fn from_name(name: &str) -> Option<Kernel> {
        Kernel::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// Lane counts for which every kernel exists but `sgcn_aggregate`, which has [`sgcn::ENGINES`].
pub const LANES: &[u32] = &[1, 2, 4, 8];

/// Width of every AXI master's data bus in bits.
pub const AXI_DATA_BITS: u32 = 512;
/// Bytes of one beat.
pub const AXI_BEAT_BYTES: u32 = AXI_DATA_BITS / 8;
/// The most beats of one burst: 4 KiB.
pub const AXI_BURST_BEATS: u32 = 4096 / AXI_BEAT_BYTES;

/// The most read bursts that an AXI master of a kernel with streams keeps outstanding: what its buffer has room for.
pub const AXI_READS_OUTSTANDING: u32 = 8;
/// The most write bursts.
pub const AXI_WRITES_OUTSTANDING: u32 = 32;

/// One buildable configuration of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelConfig {
    /// Which kernel.
    pub kernel: Kernel,
    /// Elements a cycle, one of [`LANES`]; of `sgcn_aggregate` engines, one of [`sgcn::ENGINES`].
    pub lanes: u32,
    /// Memory ports, one of [`sgcn::PORTS`]; 0 where a kernel's masters are fixed.
    pub ports: u32,
}

/// How an argument is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgumentKind {
    /// A 64-bit device address that is used through the AXI master of this number.
    Pointer {
        /// The index in [`KernelConfig::masters`].
        master: u32,
    },
    /// A 32-bit unsigned number.
    U32,
    /// A 32-bit IEEE 754 number.
    F32,
}

impl ArgumentKind {
    /// Bytes of the value in the register space.
    pub const fn bytes(self) -> u32 {
        match self {
            ArgumentKind::Pointer { .. } => 8,
            ArgumentKind::U32 | ArgumentKind::F32 => 4,
        }
    }
}

/// An argument of a kernel, in Vitis' order: its position is its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The name in packaging, in `kernel.xml` and in the documentation.
    pub name: &'static str,
    /// How it is passed.
    pub kind: ArgumentKind,
    /// Byte offset in the AXI4-Lite space.
    pub offset: u32,
    /// One line for people.
    pub doc: &'static str,
}

/// An AXI4 master of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Master {
    /// The Vitis name, `gmem0`; its signals are called after [`Master::port`].
    pub name: &'static str,
    /// Bits of `wdata` and `rdata`.
    pub data_bits: u32,
    /// Bits of `arid`, `rid`, `awid` and `bid`; 0 for a master without ids.
    pub id_bits: u32,
}

impl Master {
    /// The port: `m_axi_<name>`; its signals are called `m_axi_<name>_awvalid` and so on.
    pub fn port(&self) -> String {
        format!("{}{}", crate::port::MASTER_PREFIX, self.name)
    }
}

/// A stream with a block of counters from [`register::STREAMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The tensor it carries.
    pub name: &'static str,
    /// Whether the kernel reads (or writes) it.
    pub read: bool,
    /// The AXI master it uses.
    pub master: u32,
}

/// A counter of 32 bits, modulo 2^32, of the last run; it stands while the kernel is idle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    /// The name: `engine3_hazard`, `gmem0_read_beats`.
    pub name: String,
    /// Byte offset in the AXI4-Lite space.
    pub offset: u32,
    /// One line for people.
    pub doc: &'static str,
}

/// Alignment every pointer argument must have, in bytes. A run may end anywhere; it begins on a beat.
pub const POINTER_ALIGNMENT: u64 = AXI_BEAT_BYTES as u64;

/// A pointer argument in a kernel's list.
const fn pointer(name: &'static str, master: u32, doc: &'static str) -> (&'static str, ArgumentKind, &'static str) {
    (name, ArgumentKind::Pointer { master }, doc)
}

impl KernelConfig {
    /// Every configuration that exists, in a fixed order.
    pub fn all() -> Vec<KernelConfig> {
        Kernel::ALL.iter().flat_map(|&kernel| KernelConfig::of(kernel)).collect()
    }

    /// Configurations that together have every module there is, for checks that take long: all, but of a kernel with engines only the
    /// smallest and one with all its ports, for more engines change the crossbars alone.
    pub fn representatives() -> Vec<KernelConfig> {
        let stands =
            |config: &KernelConfig| config.ports == 0 || [(1, 1), (4, 8)].contains(&(config.lanes, config.ports));
        KernelConfig::all().into_iter().filter(stands).collect()
    }

    /// Every configuration of a kernel, in a fixed order.
    pub fn of(kernel: Kernel) -> Vec<KernelConfig> {
        let (lanes, ports) = match kernel {
            Kernel::SgcnAggregate => (sgcn::ENGINES, sgcn::PORTS),
            _ => (LANES, &[0][..]),
        };
        lanes.iter().flat_map(|&lanes| ports.iter().map(move |&ports| KernelConfig { kernel, lanes, ports })).collect()
    }

    /// A kernel with this many lanes, if that exists and lanes are all there is to choose.
    pub fn new(kernel: Kernel, lanes: u32) -> Option<KernelConfig> {
        KernelConfig::with_ports(kernel, lanes, 0)
    }

    /// A kernel with this many lanes, or engines, and ports, if that exists.
    pub fn with_ports(kernel: Kernel, lanes: u32, ports: u32) -> Option<KernelConfig> {
        let wanted = KernelConfig { kernel, lanes, ports };
        KernelConfig::of(kernel).contains(&wanted).then_some(wanted)
    }

    /// `smartupdate` with this many lanes, if that exists.
    pub fn smartupdate(lanes: u32) -> Option<KernelConfig> {
        KernelConfig::new(Kernel::SmartUpdate, lanes)
    }

    /// `gradient_norm` with this many lanes, if that exists.
    pub fn gradient_norm(lanes: u32) -> Option<KernelConfig> {
        KernelConfig::new(Kernel::GradientNorm, lanes)
    }

    /// `sgcn_aggregate` with this many engines and memory ports, if that exists.
    pub fn sgcn_aggregate(engines: u32, ports: u32) -> Option<KernelConfig> {
        KernelConfig::with_ports(Kernel::SgcnAggregate, engines, ports)
    }

    /// The configuration's name on the command line and in build folders: `smartupdate_l4`, `sgcn_aggregate_n4_m8`.
    pub fn name(&self) -> String {
        match self.kernel {
            Kernel::SgcnAggregate => format!("{}_n{}_m{}", self.kernel.name(), self.lanes, self.ports),
            _ => format!("{}_l{}", self.kernel.name(), self.lanes),
        }
    }

    /// Finds a configuration by [`KernelConfig::name`].
    pub fn from_name(name: &str) -> Option<KernelConfig> {
        KernelConfig::all().into_iter().find(|c| c.name() == name)
    }

    /// The arguments in the order of their ids. Pointers take 12 bytes, scalars 8, as Vitis lays them out.
    pub fn arguments(&self) -> Vec<Argument> {
        let mut offset = register::ARGUMENTS;
        let list = match self.kernel {
            Kernel::SmartUpdate => smartupdate::LIST.to_vec(),
            Kernel::GradientNorm => gradient_norm::LIST.to_vec(),
            Kernel::SmartUpdateOf(one) => smartupdate::list_of(one),
            Kernel::SgcnAggregate => sgcn::list(self.ports),
        };
        list.into_iter()
            .map(|(name, kind, doc)| {
                let here = offset;
                offset += kind.bytes() + 4;
                Argument { name, kind, offset: here, doc }
            })
            .collect()
    }

    /// The AXI4 masters.
    pub fn masters(&self) -> &'static [Master] {
        match self.kernel {
            Kernel::SmartUpdate => &smartupdate::MASTERS,
            Kernel::GradientNorm => &gradient_norm::MASTERS,
            Kernel::SmartUpdateOf(one) => &smartupdate::MASTERS[..one.states().len() + 2],
            Kernel::SgcnAggregate => &sgcn::MASTERS[..self.ports as usize],
        }
    }

    /// The streams that have counters, in the order of their blocks.
    pub fn streams(&self) -> &'static [Stream] {
        match self.kernel {
            Kernel::SmartUpdate => &smartupdate::STREAMS,
            Kernel::GradientNorm => &gradient_norm::STREAMS,
            Kernel::SmartUpdateOf(one) => smartupdate::streams_of(one),
            Kernel::SgcnAggregate => &[],
        }
    }

    /// The arguments that an optimizer step's kernel has of all those of `smartupdate`, as ids there, in the order of its own. A
    /// kernel for one optimizer has no pointers to states of others, and counts on without them. Other kernels have none.
    pub fn step_arguments(&self) -> Vec<usize> {
        match self.kernel {
            Kernel::SmartUpdate => (0..smartupdate::LIST.len()).collect(),
            Kernel::GradientNorm | Kernel::SgcnAggregate => Vec::new(),
            Kernel::SmartUpdateOf(one) => smartupdate::arguments_of(one),
        }
    }

    /// This kernel's own id of an argument of `smartupdate`, given as the id there; `None` for one that it does not have.
    pub fn id_of(&self, id: usize) -> Option<usize> {
        self.step_arguments().iter().position(|&own| own == id)
    }

    /// Exact sums of squares that the kernel keeps, from [`register::SUMS`] on: one a lane, or none.
    pub fn sums(&self) -> u32 {
        match self.kernel {
            Kernel::SmartUpdate | Kernel::SmartUpdateOf(_) | Kernel::SgcnAggregate => 0,
            Kernel::GradientNorm => self.lanes,
        }
    }

    /// Counters of 32 bits from [`register::COUNTERS`] on, in the order of their offsets: of a kernel without streams that has any.
    pub fn counters(&self) -> Vec<Counter> {
        match self.kernel {
            Kernel::SgcnAggregate => sgcn::counters(self.lanes, self.ports),
            _ => Vec::new(),
        }
    }

    /// Offsets of all words of sums and counters, in order.
    pub fn result_words(&self) -> Vec<u32> {
        let sum =
            |sum| (0..register::SUM_LIMBS).map(move |limb| register::SUMS + sum * register::SUM_STRIDE + 4 * limb);
        let counters = self.counters().into_iter().map(|counter| counter.offset);
        (0..self.sums()).flat_map(sum).chain(counters).collect()
    }

    /// The most beats of a burst, and the most read and write bursts that a master keeps outstanding.
    pub fn outstanding(&self) -> (u32, u32, u32) {
        match self.kernel {
            Kernel::SgcnAggregate => (sgcn::BURST_BEATS, sgcn::READS_OUTSTANDING, AXI_WRITES_OUTSTANDING),
            _ => (AXI_BURST_BEATS, AXI_READS_OUTSTANDING, AXI_WRITES_OUTSTANDING),
        }
    }

    /// A 64-bit FNV-1a hash of everything the host relies on: ABI version, kernel, configuration, arguments with their
    /// kinds and offsets, masters with their widths, streams, sums, counters.
    pub fn hash(&self) -> u64 {
        let mut text = format!("{} {}", crate::ABI_VERSION, self.name());
        for Argument { name, kind, offset, doc: _ } in self.arguments() {
            let kind = match kind {
                ArgumentKind::Pointer { master } => format!("pointer{master}"),
                ArgumentKind::U32 => "u32".to_string(),
                ArgumentKind::F32 => "f32".to_string(),
            };
            text += &format!(" {name}:{kind}@{offset}");
        }
        for Master { name, data_bits, id_bits } in self.masters() {
            text += &format!(" {name}:{data_bits}");
            if *id_bits > 0 {
                text += &format!("i{id_bits}");
            }
        }
        for Stream { name, read, master } in self.streams() {
            text += &format!(" {name}:{}{master}", if *read { "r" } else { "w" });
        }
        if self.sums() > 0 {
            text += &format!(" sums:{}x{}@{}", self.sums(), register::SUM_LIMBS, register::SUMS);
        }
        for Counter { name, offset, doc: _ } in self.counters() {
            text += &format!(" {name}@{offset}");
        }
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests;
