//! Floating-point units: IEEE 754 single precision, round to nearest even, subnormals kept, every NaN 0x7FC00000.
//!
//! Every unit of arithmetic has the shape unpack, raw operation, round: [`Unpack`] takes operands apart, the unit's own file does exact
//! arithmetic on integers, [`NormaliseDigit`]s shift the exact result to where it is rounded, subnormals included, and
//! [`Round`] rounds once and packs. Units are free-running pipelines: an operation enters every cycle and its result leaves
//! `LATENCY` cycles later.
//!
//! The units named `A_to_B` convert to and from the formats of 16 bits. Widening is exact, narrowing rounds once, and a NaN
//! becomes the quiet NaN of the format it is converted to: 0x7FC00000, 0x7E00 or 0x7FC0.

mod add;
mod addend_align;
mod align;
mod bf16_to_fp32;
mod div;
mod div_digit;
mod fma;
mod fp16_to_fp32;
mod fp32_to_bf16;
mod fp32_to_fp16;
mod mul;
mod normal_operand;
mod normalise;
mod product;
mod round;
mod sqrt;
mod sqrt_digit;
mod square_sum;
mod sum_limb;
mod unpack;
mod wide_normalise;
mod wide_sum;

pub use add::Fp32Add;
pub use addend_align::AddendAlign;
pub use align::AlignDigit;
pub use bf16_to_fp32::Bf16ToFp32;
pub use div::Fp32Div;
pub use div_digit::DivDigit;
pub use fma::Fp32Fma;
pub use fp16_to_fp32::Fp16ToFp32;
pub use fp32_to_bf16::Fp32ToBf16;
pub use fp32_to_fp16::Fp32ToFp16;
pub use mul::Fp32Mul;
pub use normal_operand::NormalOperand;
pub use normalise::NormaliseDigit;
pub use product::Product;
pub use round::Round;
pub use sqrt::Fp32Sqrt;
pub use sqrt_digit::SqrtDigit;
pub use square_sum::Fp32SquareSum;
pub use sum_limb::SumLimb;
pub use unpack::Unpack;
pub use wide_normalise::WideNormalise;
pub use wide_sum::WideSum;

use crate::emit::emit;
use crate::Unit;

/// The units of this family.
pub const UNITS: &[Unit] = &[
    Unit {
        name: "fp32_mul",
        family: "float",
        latency: Some(Fp32Mul::LATENCY),
        emit: || emit(&Fp32Mul::default(), "fp32_mul", ""),
    },
    Unit {
        name: "fp32_add",
        family: "float",
        latency: Some(Fp32Add::LATENCY),
        emit: || emit(&Fp32Add::default(), "fp32_add", ""),
    },
    Unit {
        name: "fp32_fma",
        family: "float",
        latency: Some(Fp32Fma::LATENCY),
        emit: || emit(&Fp32Fma::default(), "fp32_fma", ""),
    },
    Unit {
        name: "fp32_div",
        family: "float",
        latency: Some(Fp32Div::LATENCY),
        emit: || emit(&Fp32Div::default(), "fp32_div", ""),
    },
    Unit {
        name: "fp32_sqrt",
        family: "float",
        latency: Some(Fp32Sqrt::LATENCY),
        emit: || emit(&Fp32Sqrt::default(), "fp32_sqrt", ""),
    },
    Unit {
        name: "bf16_to_fp32",
        family: "float",
        latency: Some(Bf16ToFp32::LATENCY),
        emit: || emit(&Bf16ToFp32::default(), "bf16_to_fp32", ""),
    },
    Unit {
        name: "fp16_to_fp32",
        family: "float",
        latency: Some(Fp16ToFp32::LATENCY),
        emit: || emit(&Fp16ToFp32::default(), "fp16_to_fp32", ""),
    },
    Unit {
        name: "fp32_to_bf16",
        family: "float",
        latency: Some(Fp32ToBf16::LATENCY),
        emit: || emit(&Fp32ToBf16::default(), "fp32_to_bf16", ""),
    },
    Unit {
        name: "fp32_to_fp16",
        family: "float",
        latency: Some(Fp32ToFp16::LATENCY),
        emit: || emit(&Fp32ToFp16::default(), "fp32_to_fp16", ""),
    },
    Unit {
        name: "fp32_square_sum",
        family: "float",
        latency: Some(Fp32SquareSum::LATENCY),
        emit: || emit(&Fp32SquareSum::default(), "fp32_square_sum", ""),
    },
];
