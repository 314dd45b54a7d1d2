//! Gradients of a flat run in the formats in which a device takes them, and the half-precision copy it gives back.
//!
//! A device does not want a dense run in binary32: 16-bit gradients go to it as they are, and a Top-K stream is never expanded on
//! the way.

use crate::device::soft::convert::{from_bf16, from_f16};
use crate::gradient_norm::sum_of_squares;
use crate::safetensors::ElementType;
use crate::topk::{EncodeError, Kept, Stream, StreamBuf, ValueFormat};
use nearfield_abi::kernel::smartupdate::{grad_format, half_format};
use nearfield_abi::topk::CHUNK_ELEMENTS;
use nearfield_model::gradient_norm::SquareSum;
use nearfield_model::half::{f32_to_bf16, f32_to_f16};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The gradients of a flat run.
#[derive(Clone, Copy, Debug)]
pub enum Gradients<'a> {
    /// Dense, IEEE 754 binary32.
    Fp32(&'a [f32]),
    /// Dense, the bits of IEEE 754 binary16.
    Fp16(&'a [u16]),
    /// Dense, the bits of bfloat16.
    Bf16(&'a [u16]),
    /// A Top-K stream: zero where nothing is kept.
    TopK(Stream<'a>),
}

impl<'a> From<&'a [f32]> for Gradients<'a> {
    fn from(run: &'a [f32]) -> Gradients<'a> {
        Gradients::Fp32(run)
    }
}

impl<'a> From<&'a Vec<f32>> for Gradients<'a> {
    fn from(run: &'a Vec<f32>) -> Gradients<'a> {
        Gradients::Fp32(run)
    }
}

impl<'a> Gradients<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Gradients::Fp32(run) => run.len(),
            Gradients::Fp16(run) | Gradients::Bf16(run) => run.len(),
            // A stream of more elements than memory has belongs to no run in memory.
            Gradients::TopK(stream) => usize::try_from(stream.elements()).unwrap_or(usize::MAX),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kernel's name for the format: one of [`grad_format`].
    pub fn code(&self) -> u32 {
        match self {
            Gradients::Fp32(_) => grad_format::FP32,
            Gradients::Fp16(_) => grad_format::FP16,
            Gradients::Bf16(_) => grad_format::BF16,
            Gradients::TopK(stream) => grad_format::TOPK + stream.format().code(),
        }
    }

    /// The format as a person names it: `fp32`, `fp16`, `bf16`, and `topk-` before it for a stream.
    pub fn name(&self) -> String {
        match self {
            Gradients::Fp32(_) => "fp32".into(),
            Gradients::Fp16(_) => "fp16".into(),
            Gradients::Bf16(_) => "bf16".into(),
            Gradients::TopK(stream) => format!("topk-{}", stream.format()),
        }
    }

    /// Where the run can be cut: at multiples of this many elements.
    pub fn granule(&self) -> usize {
        match self {
            Gradients::TopK(_) => CHUNK_ELEMENTS as usize,
            _ => 1,
        }
    }

    /// A part of the run.
    ///
    /// # Panics
    ///
    /// If the range leaves the run, or begins or ends where the run cannot be cut.
    pub fn part(&self, range: Range<usize>) -> Gradients<'a> {
        match self {
            Gradients::Fp32(run) => Gradients::Fp32(&run[range]),
            Gradients::Fp16(run) => Gradients::Fp16(&run[range]),
            Gradients::Bf16(run) => Gradients::Bf16(&run[range]),
            Gradients::TopK(stream) => Gradients::TopK(stream.part(range.start as u64..range.end as u64)),
        }
    }

    /// The bytes that a device gets.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        match *self {
            Gradients::Fp32(run) => bytemuck::cast_slice(run).into(),
            Gradients::Fp16(run) | Gradients::Bf16(run) => bytemuck::cast_slice(run).into(),
            Gradients::TopK(stream) => stream.to_bytes().into(),
        }
    }

    /// Number of [`Gradients::bytes`].
    pub fn byte_length(&self) -> u64 {
        match self {
            Gradients::Fp32(run) => 4 * run.len() as u64,
            Gradients::Fp16(run) | Gradients::Bf16(run) => 2 * run.len() as u64,
            Gradients::TopK(stream) => stream.byte_length(),
        }
    }

    /// The run in binary32, exactly.
    ///
    /// # Panics
    ///
    /// If `into` has another number of elements.
    // Inlined, so that `soft` compiles it for each vector unit.
    #[inline(always)]
    pub fn widen_into(&self, into: &mut [f32]) {
        assert_eq!(into.len(), self.len(), "the run's number of elements");
        match self {
            Gradients::Fp32(run) => into.copy_from_slice(run),
            Gradients::Fp16(run) => into.iter_mut().zip(*run).for_each(|(wide, &half)| *wide = from_f16(half)),
            Gradients::Bf16(run) => into.iter_mut().zip(*run).for_each(|(wide, &half)| *wide = from_bf16(half)),
            Gradients::TopK(stream) => stream.expand_into(into),
        }
    }

    /// The run in binary32, as a vector of its own unless it is that already.
    pub fn widened(&self) -> Cow<'a, [f32]> {
        match *self {
            Gradients::Fp32(run) => run.into(),
            _ => {
                let mut wide = vec![0.0; self.len()];
                self.widen_into(&mut wide);
                wide.into()
            }
        }
    }

    /// The exact sum of squares, and whether all gradients are finite. Of a stream only the kept ones are looked at.
    pub fn sum_of_squares(&self) -> SquareSum {
        const BLOCK: usize = 1 << 20;
        match self {
            Gradients::Fp32(run) => sum_of_squares(run, None),
            Gradients::TopK(stream) => sum_of_squares(&stream.pairs().values, None),
            Gradients::Fp16(_) | Gradients::Bf16(_) => {
                let mut sum = SquareSum::default();
                for begin in (0..self.len()).step_by(BLOCK) {
                    let part = self.part(begin..self.len().min(begin + BLOCK));
                    sum.add_sum(&sum_of_squares(&part.widened(), None));
                }
                sum
            }
        }
    }
}

/// Gradients that are owned, in whatever format they came.
#[derive(Clone, Debug, PartialEq)]
pub enum GradientRun {
    /// Dense, IEEE 754 binary32.
    Fp32(Vec<f32>),
    /// Dense, the bits of IEEE 754 binary16.
    Fp16(Vec<u16>),
    /// Dense, the bits of bfloat16.
    Bf16(Vec<u16>),
    /// Top-K streams, end to end.
    TopK(Vec<StreamBuf>),
}

impl GradientRun {
    /// A dense run in a format, rounded to nearest even.
    pub fn dense(run: &[f32], format: ValueFormat) -> GradientRun {
        match format {
            ValueFormat::Fp32 => GradientRun::Fp32(run.to_vec()),
            ValueFormat::Fp16 => GradientRun::Fp16(run.iter().map(|&value| f32_to_f16(value)).collect()),
            ValueFormat::Bf16 => GradientRun::Bf16(run.iter().map(|&value| f32_to_bf16(value)).collect()),
        }
    }

    /// One Top-K stream of a run of `elements`.
    ///
    /// # Errors
    ///
    /// As [`StreamBuf::encode`].
    pub fn top_k(elements: u64, format: ValueFormat, kept: &Kept) -> Result<GradientRun, EncodeError> {
        Ok(GradientRun::TopK(vec![StreamBuf::encode(elements, format, kept)?]))
    }

    /// The parts of the run that have gradients of their own, front to back: a dense run is one, of streams each.
    pub fn parts(&self) -> Vec<Gradients<'_>> {
        match self {
            GradientRun::Fp32(run) => vec![run.into()],
            GradientRun::Fp16(run) => vec![Gradients::Fp16(run)],
            GradientRun::Bf16(run) => vec![Gradients::Bf16(run)],
            GradientRun::TopK(streams) => streams.iter().map(|stream| Gradients::TopK(stream.stream())).collect(),
        }
    }

    /// The whole run in binary32.
    pub fn widened(&self) -> Vec<f32> {
        self.parts().iter().flat_map(|part| part.widened().into_owned()).collect()
    }

    /// The exact sum of squares, and whether all gradients are finite.
    pub fn sum_of_squares(&self) -> SquareSum {
        let mut sum = SquareSum::default();
        self.parts().iter().for_each(|part| sum.add_sum(&part.sum_of_squares()));
        sum
    }
}

/// The format of a half-precision copy of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HalfFormat {
    /// IEEE 754 binary16.
    Fp16,
    /// The upper half of a binary32, rounded.
    Bf16,
}

impl HalfFormat {
    /// Both.
    pub const ALL: [HalfFormat; 2] = [HalfFormat::Fp16, HalfFormat::Bf16];

    /// The kernel's name for it: one of [`half_format`].
    pub fn code(self) -> u32 {
        match self {
            HalfFormat::Fp16 => half_format::FP16,
            HalfFormat::Bf16 => half_format::BF16,
        }
    }

    /// What it is called in a safetensors file.
    pub fn element(self) -> ElementType {
        match self {
            HalfFormat::Fp16 => ElementType::F16,
            HalfFormat::Bf16 => ElementType::BF16,
        }
    }

    /// The name by which it is chosen: `fp16` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            HalfFormat::Fp16 => "fp16",
            HalfFormat::Bf16 => "bf16",
        }
    }

    /// The bits of a value, rounded to nearest even.
    pub fn round(self, value: f32) -> u16 {
        match self {
            HalfFormat::Fp16 => f32_to_f16(value),
            HalfFormat::Bf16 => f32_to_bf16(value),
        }
    }
}

impl fmt::Display for HalfFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HalfFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<HalfFormat, String> {
        let found = HalfFormat::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| "there is no such half format; choose fp16 or bf16".into())
    }
}

/// Where the half-precision copy of the new parameters goes.
#[derive(Debug)]
pub struct HalfCopy<'a> {
    /// Its format.
    pub format: HalfFormat,
    /// Its bits, an element each.
    pub into: &'a mut [u16],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topk::encode;
    use crate::topk::tests::Draw;
    use nearfield_model::gradient_norm;

    /// A run whose every value is one of both 16-bit formats, some of them zero.
    fn run(elements: usize) -> Vec<f32> {
        let mut draw = Draw(11);
        (0..elements)
            .map(|_| match draw.next() % 3 {
                0 => 0.0,
                _ => (draw.next() % 255) as f32 / 16.0 - 8.0,
            })
            .collect()
    }

    #[test]
    fn every_format_gives_the_run_its_parts_and_its_sum() {
        let elements = 200_001;
        let run = run(elements);
        let mut kept = Kept::default();
        run.iter().enumerate().filter(|(_, x)| **x != 0.0).for_each(|(i, &x)| kept.push(i as u64, x));
        let dense = ValueFormat::ALL.map(|format| GradientRun::dense(&run, format));
        let sparse = ValueFormat::ALL.map(|format| GradientRun::top_k(elements as u64, format, &kept).unwrap());
        let sum = gradient_norm::sum_of_squares(&run);
        let mut codes = Vec::new();
        for owned in dense.iter().chain(&sparse) {
            let grads = owned.parts()[0];
            let same = |part: Gradients<'_>, range: Range<usize>| {
                assert_eq!(part.byte_length(), part.bytes().len() as u64);
                let bits = |run: &[f32]| run.iter().map(|x| x.to_bits() & 0x7fff_ffff).collect::<Vec<_>>();
                assert!(bits(&part.widened()) == bits(&run[range]), "{}", part.name());
            };
            assert_eq!(grads.len(), elements);
            same(grads, 0..elements);
            same(grads.part(65_536..196_608), 65_536..196_608);
            same(grads.part(131_072..elements), 131_072..elements);
            assert_eq!((grads.sum_of_squares(), owned.sum_of_squares()), (sum, sum), "{}", grads.name());
            codes.push(grads.code());
        }
        assert_eq!(codes, [0, 1, 2, 4, 5, 6]);
    }

    #[test]
    fn a_part_of_a_stream_is_a_stream() {
        let mut kept = Kept::default();
        [5, 65_535, 65_536, 140_000].into_iter().for_each(|i| kept.push(i, i as f32));
        let bytes = encode(140_001, ValueFormat::Fp32, &kept).unwrap();
        let whole = Stream::parse(&bytes).unwrap();
        let buffer = StreamBuf::parse(bytes.clone()).unwrap();
        assert_eq!(
            (buffer.stream(), StreamBuf::encode(140_001, ValueFormat::Fp32, &kept)),
            (whole, Ok(buffer.clone()))
        );
        assert_eq!(whole.to_bytes(), bytes);
        let part = whole.part(65_536..140_001).to_bytes();
        let part = Stream::parse(&part).unwrap();
        assert_eq!((part.elements(), part.kept()), (74_465, 2));
        assert_eq!(part.pairs().indices, [0, 74_464]);
    }
}
