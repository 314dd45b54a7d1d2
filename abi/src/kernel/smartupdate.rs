//! Ids of `smartupdate`'s arguments, and what their values mean.

use super::gradients::{ELEMENTS_DOC, GRAD_BYTES_DOC, GRAD_FORMAT_DOC};
use super::{pointer, ArgumentKind, Master, Stream};
use ArgumentKind::{F32, U32};

pub use super::gradients::{grad_format, MAX_TOPK_ELEMENTS};

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
/// Values of the argument `half_format`.
pub mod half_format {
    /// No half-precision copy is written.
    pub const NONE: u32 = 0;
    /// IEEE 754 binary16.
    pub const FP16: u32 = 1;
    /// The upper half of a binary32, rounded.
    pub const BF16: u32 = 2;
}

/// An optimizer that has a kernel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Optimizer {
    /// See [`optimizer::ADAMW`].
    AdamW,
    /// See [`optimizer::ADAM`].
    Adam,
    /// See [`optimizer::ADAGRAD`].
    Adagrad,
    /// See [`optimizer::LION`].
    Lion,
    /// See [`optimizer::SGD`].
    Sgd,
}

impl Optimizer {
    /// Every one.
    pub const ALL: [Optimizer; optimizer::COUNT as usize] =
        [Optimizer::AdamW, Optimizer::Adam, Optimizer::Adagrad, Optimizer::Lion, Optimizer::Sgd];

    /// The one value that its kernel takes as the argument `optimizer`.
    pub const fn code(self) -> u32 {
        match self {
            Optimizer::AdamW => optimizer::ADAMW,
            Optimizer::Adam => optimizer::ADAM,
            Optimizer::Adagrad => optimizer::ADAGRAD,
            Optimizer::Lion => optimizer::LION,
            Optimizer::Sgd => optimizer::SGD,
        }
    }

    /// The pointers to its states, as ids of `smartupdate`. SGD without momentum leaves its buffer alone.
    pub const fn states(self) -> &'static [usize] {
        match self {
            Optimizer::AdamW | Optimizer::Adam => &[EXP_AVG, EXP_AVG_SQ],
            Optimizer::Adagrad => &[EXP_AVG_SQ],
            Optimizer::Lion | Optimizer::Sgd => &[EXP_AVG],
        }
    }
}

/// The arguments of the kernel for one optimizer: all but the pointers to states that it does not have. Scalars that it has no use
/// for stay, so that one host writes the arguments of every kernel.
pub(super) fn arguments_of(one: Optimizer) -> Vec<usize> {
    (0..LIST.len()).filter(|id| ![EXP_AVG, EXP_AVG_SQ].contains(id) || one.states().contains(id)).collect()
}

/// The same, as they are listed. Masters follow each other without those of states that it does not have.
pub(super) fn list_of(one: Optimizer) -> Vec<(&'static str, ArgumentKind, &'static str)> {
    let tensors = [&[PARAMS], one.states(), &[GRADS]].concat();
    let master = |id| tensors.iter().position(|&tensor| tensor == if id == HALF { GRADS } else { id });
    let own = |id: usize| match (LIST[id], master(id)) {
        ((name, ArgumentKind::Pointer { .. }, doc), Some(master)) => pointer(name, master as u32, doc),
        (other, _) => other,
    };
    arguments_of(one).into_iter().map(own).collect()
}

/// The streams of the kernel for one optimizer.
pub(super) const fn streams_of(one: Optimizer) -> &'static [Stream] {
    match one {
        Optimizer::AdamW | Optimizer::Adam => &STREAMS,
        Optimizer::Adagrad => &SUM_STREAMS,
        Optimizer::Lion | Optimizer::Sgd => &AVERAGE_STREAMS,
    }
}

pub(super) const LIST: [(&str, ArgumentKind, &str); 20] = [
    pointer("params", 0, "parameters, f32, updated in place"),
    pointer("exp_avg", 1, "first moments or momentum buffer, f32, updated in place"),
    pointer("exp_avg_sq", 2, "second moments or sum of squares, f32, updated in place"),
    pointer("grads", 3, "gradients, read"),
    pointer("half", 3, "half-precision copy of the new parameters, written"),
    ("elements", U32, ELEMENTS_DOC),
    ("flags", U32, "bit 0: weight decay, 1: momentum, 2: first step, 3: Nesterov"),
    ("optimizer", U32, "0: AdamW, 1: Adam, 2: Adagrad, 3: Lion, 4: SGD"),
    ("grad_format", U32, GRAD_FORMAT_DOC),
    ("grad_bytes", U32, GRAD_BYTES_DOC),
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
    Master { name: "gmem0", data_bits: super::AXI_DATA_BITS, id_bits: 0 },
    Master { name: "gmem1", data_bits: super::AXI_DATA_BITS, id_bits: 0 },
    Master { name: "gmem2", data_bits: super::AXI_DATA_BITS, id_bits: 0 },
    Master { name: "gmem3", data_bits: super::AXI_DATA_BITS, id_bits: 0 },
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

const AVERAGE_STREAMS: [Stream; 6] = one_state("exp_avg_read", "exp_avg_write");
const SUM_STREAMS: [Stream; 6] = one_state("exp_avg_sq_read", "exp_avg_sq_write");

/// The streams where there is one state.
const fn one_state(read: &'static str, write: &'static str) -> [Stream; 6] {
    [
        Stream { name: "params_read", read: true, master: 0 },
        Stream { name: read, read: true, master: 1 },
        Stream { name: "grads_read", read: true, master: 2 },
        Stream { name: "params_write", read: false, master: 0 },
        Stream { name: write, read: false, master: 1 },
        Stream { name: "half_write", read: false, master: 2 },
    ]
}
