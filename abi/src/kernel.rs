//! Kernels, their configurations, ports and arguments.

use crate::register;

/// A kernel of the family, whatever its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// `smartupdate`: the optimizer step on a flat run of elements.
    SmartUpdate,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: &'static [Kernel] = &[Kernel::SmartUpdate];

    /// The name of the Verilog module, of the Vitis kernel and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Kernel::SmartUpdate => "smartupdate",
        }
    }

    /// What [`register::KERNEL_ID`] reads: four ASCII letters, the first in the low byte.
    pub const fn id(self) -> u32 {
        match self {
            Kernel::SmartUpdate => u32::from_le_bytes(*b"NFSU"),
        }
    }

    /// Finds a kernel by [`Kernel::name`].
    pub fn from_name(name: &str) -> Option<Kernel> {
        Kernel::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// Lane counts for which `smartupdate` exists.
pub const SMARTUPDATE_LANES: &[u32] = &[1, 2, 4, 8];

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
    /// Elements a cycle; one of [`SMARTUPDATE_LANES`].
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

/// Ids of `smartupdate`'s arguments.
pub mod smartupdate {
    use super::{ArgumentKind, Master, Stream};
    use ArgumentKind::{F32, U32};

    /// The parameters, f32, updated in place.
    pub const PARAMS: usize = 0;
    /// First moments, f32, updated in place.
    pub const EXP_AVG: usize = 1;
    /// Second moments, f32, updated in place.
    pub const EXP_AVG_SQ: usize = 2;
    /// Gradients, in `grad_format`.
    pub const GRADS: usize = 3;
    /// Where the half-precision copy of the parameters goes.
    pub const HALF: usize = 4;
    /// Number of elements, at least 1.
    pub const ELEMENTS: usize = 5;
    /// See [`flag`].
    pub const FLAGS: usize = 6;
    /// Which optimizer: see [`optimizer`].
    pub const OPTIMIZER: usize = 7;
    /// See [`grad_format`].
    pub const GRAD_FORMAT: usize = 8;
    /// Bytes of a Top-K stream, a multiple of 64; of no account for dense gradients.
    pub const GRAD_BYTES: usize = 9;
    /// See [`half_format`].
    pub const HALF_FORMAT: usize = 10;
    /// Gradients are multiplied by this first.
    pub const GRAD_SCALE: usize = 11;
    /// beta1; SGD: momentum.
    pub const BETA1: usize = 12;
    /// 1 - beta1; SGD: 1 - dampening.
    pub const C1: usize = 13;
    /// beta2.
    pub const BETA2: usize = 14;
    /// 1 - beta2.
    pub const C2: usize = 15;
    /// 1 / sqrt(1 - beta2^t); 1 without bias correction and for Adagrad.
    pub const BIAS2: usize = 16;
    /// eps.
    pub const EPS: usize = 17;
    /// -lr / (1 - beta1^t), or -lr without bias correction.
    pub const STEP_SIZE: usize = 18;
    /// AdamW: -lr * weight_decay. Lion: 1 - lr * weight_decay. Others: weight_decay.
    pub const DECAY: usize = 19;

    /// Bits of the argument `flags`; every other bit must be 0.
    pub mod flag {
        /// Apply `decay`; without it the parameter is left as it is, which is not the same as a decay of 0 (signed zeros,
        /// infinities).
        pub const WEIGHT_DECAY: u32 = 1 << 0;
        /// SGD: there is a momentum buffer, in `exp_avg`.
        pub const MOMENTUM: u32 = 1 << 1;
        /// SGD with momentum: the gradient becomes the buffer, whatever is in it.
        pub const FIRST_STEP: u32 = 1 << 2;
        /// SGD with momentum: Nesterov's step.
        pub const NESTEROV: u32 = 1 << 3;
        /// Every bit there is.
        pub const ALL: u32 = WEIGHT_DECAY | MOMENTUM | FIRST_STEP | NESTEROV;
    }
    /// Values of the argument `optimizer`. A state that an optimizer does not have is neither read nor written.
    pub mod optimizer {
        /// Both moments.
        pub const ADAMW: u32 = 0;
        /// Both moments.
        pub const ADAM: u32 = 1;
        /// The second moment, a sum.
        pub const ADAGRAD: u32 = 2;
        /// The first moment.
        pub const LION: u32 = 3;
        /// The first moment, with momentum; else none.
        pub const SGD: u32 = 4;
        /// How many there are.
        pub const COUNT: u32 = 5;
    }
    /// Values of the argument `grad_format`: dense, one of the first three; or a Top-K stream ([`crate::topk`]) with values in that
    /// format.
    pub mod grad_format {
        /// IEEE 754 binary32.
        pub const FP32: u32 = 0;
        /// IEEE 754 binary16.
        pub const FP16: u32 = 1;
        /// The upper half of a binary32.
        pub const BF16: u32 = 2;
        /// Added to the values' format where gradients are a Top-K stream.
        pub const TOPK: u32 = 4;

        /// Whether there is such a format.
        pub const fn is_known(format: u32) -> bool {
            format & !TOPK <= BF16
        }

        /// Bytes of an element of dense gradients, or of a value of a Top-K stream; `None` for an unknown format.
        pub const fn value_bytes(format: u32) -> Option<u64> {
            crate::topk::value_bytes(format & !TOPK)
        }
    }
    /// Values of the argument `half_format`.
    pub mod half_format {
        /// No half-precision copy is written.
        pub const NONE: u32 = 0;
        /// IEEE 754 binary16.
        pub const FP16: u32 = 1;
        /// The upper half of a binary32, rounded.
        pub const BF16: u32 = 2;
    }
    /// The most elements of a run with a Top-K stream: 512 chunks.
    pub const MAX_TOPK_ELEMENTS: u32 = 1 << 25;

    const fn pointer(name: &'static str, master: u32, doc: &'static str) -> (&'static str, ArgumentKind, &'static str) {
        (name, ArgumentKind::Pointer { master }, doc)
    }

    pub(super) const LIST: [(&str, ArgumentKind, &str); 20] = [
        pointer("params", 0, "parameters, f32, updated in place"),
        pointer("exp_avg", 1, "first moments or momentum buffer, f32, updated in place"),
        pointer("exp_avg_sq", 2, "second moments or sum of squares, f32, updated in place"),
        pointer("grads", 3, "gradients, read"),
        pointer("half", 3, "half-precision copy of the new parameters, written"),
        ("elements", U32, "number of elements, at least 1; with a Top-K stream at most 2^25"),
        ("flags", U32, "bit 0: weight decay, 1: momentum, 2: first step, 3: Nesterov"),
        ("optimizer", U32, "0: AdamW, 1: Adam, 2: Adagrad, 3: Lion, 4: SGD"),
        ("grad_format", U32, "0: fp32, 1: fp16, 2: bf16; 4, 5, 6: a Top-K stream with values like that"),
        ("grad_bytes", U32, "bytes of a Top-K stream, a multiple of 64"),
        ("half_format", U32, "0: no copy, 1: fp16, 2: bf16"),
        ("grad_scale", F32, "what gradients are multiplied by first"),
        ("beta1", F32, "beta1, or momentum"),
        ("c1", F32, "1 - beta1, or 1 - dampening"),
        ("beta2", F32, "beta2"),
        ("c2", F32, "1 - beta2"),
        ("bias2", F32, "1 / sqrt(1 - beta2^t), or 1"),
        ("eps", F32, "eps"),
        ("step_size", F32, "-lr / (1 - beta1^t), or -lr"),
        ("decay", F32, "AdamW: -lr * weight_decay, Lion: 1 - lr * weight_decay, else weight_decay"),
    ];

    pub(super) const MASTERS: [Master; 4] = [
        Master { name: "gmem0", data_bits: super::AXI_DATA_BITS },
        Master { name: "gmem1", data_bits: super::AXI_DATA_BITS },
        Master { name: "gmem2", data_bits: super::AXI_DATA_BITS },
        Master { name: "gmem3", data_bits: super::AXI_DATA_BITS },
    ];

    pub(super) const STREAMS: [Stream; 8] = [
        Stream { name: "params_read", read: true, master: 0 },
        Stream { name: "exp_avg_read", read: true, master: 1 },
        Stream { name: "exp_avg_sq_read", read: true, master: 2 },
        Stream { name: "grads_read", read: true, master: 3 },
        Stream { name: "params_write", read: false, master: 0 },
        Stream { name: "exp_avg_write", read: false, master: 1 },
        Stream { name: "exp_avg_sq_write", read: false, master: 2 },
        Stream { name: "half_write", read: false, master: 3 },
    ];
}

/// Alignment every pointer argument must have, in bytes. A run may end anywhere; it begins on a beat.
pub const POINTER_ALIGNMENT: u64 = AXI_BEAT_BYTES as u64;

impl KernelConfig {
    /// Every configuration that exists, in a fixed order.
    pub fn all() -> Vec<KernelConfig> {
        SMARTUPDATE_LANES.iter().map(|&lanes| KernelConfig { kernel: Kernel::SmartUpdate, lanes }).collect()
    }

    /// `smartupdate` with this many lanes, if that exists.
    pub fn smartupdate(lanes: u32) -> Option<KernelConfig> {
        SMARTUPDATE_LANES.contains(&lanes).then_some(KernelConfig { kernel: Kernel::SmartUpdate, lanes })
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
            Kernel::SmartUpdate => &smartupdate::LIST,
        };
        list.iter()
            .map(|&(name, kind, doc)| {
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
        }
    }

    /// The streams that have counters, in the order of their blocks.
    pub fn streams(&self) -> &'static [Stream] {
        match self.kernel {
            Kernel::SmartUpdate => &smartupdate::STREAMS,
        }
    }

    /// A 64-bit FNV-1a hash of everything the host relies on: ABI version, kernel, configuration, arguments with their
    /// kinds and offsets, masters with their widths, streams.
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
    }

    #[test]
    fn hashes_change_only_with_the_contract() {
        // A board's bitstream carries its hash: a change here means that every kernel has to be built again, and that
        // `ABI_VERSION` has to be raised.
        let hashes: Vec<u64> = KernelConfig::all().iter().map(KernelConfig::hash).collect();
        let expected = [0xfc94_c622_5e1b_2690, 0x0c78_2d60_ab02_775d, 0xc266_6402_5570_4c6b, 0xccee_8f90_7892_e88f];
        assert_eq!(hashes, expected, "{hashes:#x?}");
    }
}
