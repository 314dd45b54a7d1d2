//! Top-K compressed gradients.
//!
//! A stream holds the kept elements of one flat run; its layout is [`nearfield_abi::topk`], its rules are in
//! `docs/formats.md`. [`encode`] writes one, [`Stream::parse`] checks one and gives its elements, as pairs or laid into a
//! dense run. A file holds a whole model's gradient, a stream a subgroup ([`crate::source::Streams`]).
//!
//! A stream is not trusted: [`Stream::parse`] checks every rule before it hands anything out, allocates nothing, and the
//! dense run is the caller's, so a stream cannot ask for memory.

mod buffer;
mod encode;
mod outline;
mod stream;

pub use buffer::StreamBuf;
pub use encode::{encode, EncodeError};
pub use outline::Outline;
pub use stream::{Malformed, Rule, Stream};

use nearfield_abi::topk::format;
use nearfield_model::half::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// How the values of a stream are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueFormat {
    /// IEEE 754 binary32.
    #[default]
    Fp32,
    /// IEEE 754 binary16.
    Fp16,
    /// The upper half of a binary32.
    Bf16,
}

impl ValueFormat {
    /// All formats.
    pub const ALL: [ValueFormat; 3] = [ValueFormat::Fp32, ValueFormat::Fp16, ValueFormat::Bf16];

    /// The number it has in a stream.
    pub fn code(self) -> u32 {
        match self {
            ValueFormat::Fp32 => format::FP32,
            ValueFormat::Fp16 => format::FP16,
            ValueFormat::Bf16 => format::BF16,
        }
    }

    /// The format with this number, or `None`.
    pub fn from_code(code: u32) -> Option<ValueFormat> {
        ValueFormat::ALL.into_iter().find(|format| format.code() == code)
    }

    /// The name by which it is chosen: `fp32`, `fp16` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            ValueFormat::Fp32 => "fp32",
            ValueFormat::Fp16 => "fp16",
            ValueFormat::Bf16 => "bf16",
        }
    }

    /// Bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            ValueFormat::Fp32 => 4,
            ValueFormat::Fp16 | ValueFormat::Bf16 => 2,
        }
    }

    /// What a value is after it was stored: rounded to nearest even. In fp32 every value stays as it is, a NaN too; in the
    /// others a finite value may become infinite, and a NaN becomes the canonical one.
    pub fn round(self, value: f32) -> f32 {
        match self {
            ValueFormat::Fp32 => value,
            ValueFormat::Fp16 => f16_to_f32(f32_to_f16(value)),
            ValueFormat::Bf16 => bf16_to_f32(f32_to_bf16(value)),
        }
    }

    /// Stores a value in the first bytes of `into`.
    fn store(self, value: f32, into: &mut [u8]) {
        match self {
            ValueFormat::Fp32 => into[..4].copy_from_slice(&value.to_le_bytes()),
            ValueFormat::Fp16 => into[..2].copy_from_slice(&f32_to_f16(value).to_le_bytes()),
            ValueFormat::Bf16 => into[..2].copy_from_slice(&f32_to_bf16(value).to_le_bytes()),
        }
    }

    /// Loads the value in the first bytes of `from`.
    fn load(self, from: &[u8]) -> f32 {
        match self {
            ValueFormat::Fp32 => f32::from_le_bytes([from[0], from[1], from[2], from[3]]),
            ValueFormat::Fp16 => f16_to_f32(u16::from_le_bytes([from[0], from[1]])),
            ValueFormat::Bf16 => bf16_to_f32(u16::from_le_bytes([from[0], from[1]])),
        }
    }
}

impl fmt::Display for ValueFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ValueFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<ValueFormat, String> {
        let found = ValueFormat::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| "there is no such format; choose fp32, fp16 or bf16".into())
    }
}

/// Kept elements of a run, by ascending index. Both lists have one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Where each element lies in the run.
    pub indices: Vec<u64>,
    /// Its value.
    pub values: Vec<f32>,
}

impl Kept {
    /// Number of kept elements.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Adds an element behind the others.
    pub fn push(&mut self, index: u64, value: f32) {
        self.indices.push(index);
        self.values.push(value);
    }

    /// Index and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (u64, f32)> + '_ {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }
}

#[cfg(test)]
pub(crate) mod tests;
