//! Kernels, their configurations, ports and arguments.

pub mod gradient_norm;
mod gradients;
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
        }
    }

    /// Finds a kernel by [`Kernel::name`].
    pub fn from_name(name: &str) -> Option<Kernel> {
        Kernel::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// Lane counts for which every kernel exists.
pub const LANES: &[u32] = &[1, 2, 4, 8];

/// Width of every AXI master's data bus in bits.
pub const AXI_DATA_BITS: u32 = 512;
/// Bytes of one beat.
pub const AXI_BEAT_BYTES: u32 = AXI_DATA_BITS / 8;
/// The most beats of one burst: 4 KiB.
pub const AXI_BURST_BEATS: u32 = 4096 / AXI_BEAT_BYTES;

/// The most read bursts that an AXI master keeps outstanding: what its buffer has room for.
pub const AXI_READS_OUTSTANDING: u32 = 8;
/// The most write bursts.
pub const AXI_WRITES_OUTSTANDING: u32 = 32;

/// One buildable configuration of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelConfig {
    /// Which kernel.
    pub kernel: Kernel,
    /// Elements a cycle; one of [`LANES`].
    pub lanes: u32,
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

    /// Every configuration of a kernel, in a fixed order.
    pub fn of(kernel: Kernel) -> Vec<KernelConfig> {
        LANES.iter().map(|&lanes| KernelConfig { kernel, lanes }).collect()
    }

    /// A kernel with this many lanes, if that exists.
    pub fn new(kernel: Kernel, lanes: u32) -> Option<KernelConfig> {
        LANES.contains(&lanes).then_some(KernelConfig { kernel, lanes })
    }

    /// `smartupdate` with this many lanes, if that exists.
    pub fn smartupdate(lanes: u32) -> Option<KernelConfig> {
        KernelConfig::new(Kernel::SmartUpdate, lanes)
    }

    /// `gradient_norm` with this many lanes, if that exists.
    pub fn gradient_norm(lanes: u32) -> Option<KernelConfig> {
        KernelConfig::new(Kernel::GradientNorm, lanes)
    }

    /// The configuration's name on the command line and in build folders: `smartupdate_l4`.
    pub fn name(&self) -> String {
        format!("{}_l{}", self.kernel.name(), self.lanes)
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
        }
    }

    /// The streams that have counters, in the order of their blocks.
    pub fn streams(&self) -> &'static [Stream] {
        match self.kernel {
            Kernel::SmartUpdate => &smartupdate::STREAMS,
            Kernel::GradientNorm => &gradient_norm::STREAMS,
            Kernel::SmartUpdateOf(one) => smartupdate::streams_of(one),
        }
    }

    /// The arguments that an optimizer step's kernel has of all those of `smartupdate`, as ids there, in the order of its own. A
    /// kernel for one optimizer has no pointers to states of others, and counts on without them. `gradient_norm` has none.
    pub fn step_arguments(&self) -> Vec<usize> {
        match self.kernel {
            Kernel::SmartUpdate => (0..smartupdate::LIST.len()).collect(),
            Kernel::GradientNorm => Vec::new(),
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
            Kernel::SmartUpdate | Kernel::SmartUpdateOf(_) => 0,
            Kernel::GradientNorm => self.lanes,
        }
    }

    /// A 64-bit FNV-1a hash of everything the host relies on: ABI version, kernel, configuration, arguments with their
    /// kinds and offsets, masters with their widths, streams, sums.
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
        for Master { name, data_bits } in self.masters() {
            text += &format!(" {name}:{data_bits}");
        }
        for Stream { name, read, master } in self.streams() {
            text += &format!(" {name}:{}{master}", if *read { "r" } else { "w" });
        }
        if self.sums() > 0 {
            text += &format!(" sums:{}x{}@{}", self.sums(), register::SUM_LIMBS, register::SUMS);
        }
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_vitis() {
        let arguments = KernelConfig::smartupdate(4).unwrap().arguments();
        assert_eq!(arguments[smartupdate::PARAMS].offset, 0x10);
        assert_eq!(arguments[smartupdate::EXP_AVG].offset, 0x1c);
        assert_eq!(arguments[smartupdate::ELEMENTS].offset, 0x10 + 5 * 12);
        assert_eq!(arguments[smartupdate::DECAY].name, "decay");
        assert!(arguments.last().unwrap().offset + 8 <= register::KERNEL_ID);
        let arguments = KernelConfig::gradient_norm(4).unwrap().arguments();
        assert_eq!((arguments[gradient_norm::GRADS].offset, arguments[gradient_norm::ELEMENTS].offset), (0x10, 0x1c));
        assert_eq!((arguments[gradient_norm::GRAD_BYTES].name, arguments.len()), ("grad_bytes", 4));
    }

    #[test]
    fn a_kernel_for_one_optimizer_has_only_its_states() {
        let of = |one| KernelConfig::new(Kernel::SmartUpdateOf(one), 2).unwrap();
        for (one, states) in
            [(Optimizer::AdamW, 2), (Optimizer::Adam, 2), (Optimizer::Adagrad, 1), (Optimizer::Lion, 1)]
        {
            assert_eq!((of(one).masters().len(), of(one).streams().len()), (states + 2, 2 * states + 4));
        }
        let lion = of(Optimizer::Lion);
        let names: Vec<&str> = lion.arguments().iter().take(5).map(|argument| argument.name).collect();
        assert_eq!(
            (lion.name().as_str(), names.join(" ")),
            ("smartupdate_lion_l2", "params exp_avg grads half elements".into())
        );
        assert_eq!((lion.id_of(smartupdate::EXP_AVG_SQ), lion.id_of(smartupdate::GRADS)), (None, Some(2)));
        assert_eq!(lion.arguments()[3].kind, ArgumentKind::Pointer { master: 2 });
        for (code, one) in (0..).zip(Optimizer::ALL) {
            assert_eq!(one.code(), code);
        }
    }

    #[test]
    fn blocks_of_registers_do_not_meet() {
        for config in KernelConfig::all() {
            assert!(register::STREAMS + config.streams().len() as u32 * register::STREAM_STRIDE <= register::SUMS);
            assert!(register::SUMS + config.sums() * register::SUM_STRIDE <= register::SPACE_BYTES);
        }
        const { assert!(4 * register::SUM_LIMBS <= register::SUM_STRIDE) };
    }

    #[test]
    fn hashes_change_only_with_the_contract() {
        // A board's bitstream carries its hash: a change here means that every kernel has to be built again, and that
        // `ABI_VERSION` has to be raised.
        let hashes: Vec<u64> = KernelConfig::all().iter().map(KernelConfig::hash).collect();
        let known = [
            0xfc94_c622_5e1b_2690,
            0x0c78_2d60_ab02_775d,
            0xc266_6402_5570_4c6b,
            0xccee_8f90_7892_e88f,
            0x4931_d876_8403_473a,
            0x34f3_4cad_881e_6dea,
            0xce40_6738_006c_11be,
            0xb5bb_f8b2_783a_5a76,
            0xa084_3c1a_d6fa_ab7d,
            0x414f_20a9_8ec1_72b0,
            0xb722_84e9_6f7e_db12,
            0x4c74_b4df_60f2_15a6,
            0x466c_885e_a8dd_726a,
            0xfa66_b97e_106e_baa3,
            0x3c68_b22c_7a98_0a55,
            0x5c2a_58e7_8442_a721,
            0x15c6_db55_e76e_543f,
            0x0357_801c_02ab_7ed8,
            0x989c_328c_762a_6ce2,
            0xea84_952e_8188_5906,
            0xad8c_f68a_07c5_695e,
            0x1daf_6a34_e39a_a8df,
            0xe45d_37b0_f326_a5ad,
            0xe847_a0da_62e2_8c19,
            0xc2a0_3928_af01_9e20,
            0x7822_adf1_cf96_9cfd,
            0xe5de_ee9d_a738_15af,
            0x724d_b78e_3539_4f03,
        ];
        assert_eq!(hashes, known, "{hashes:#x?}");
    }
}
