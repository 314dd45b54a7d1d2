//! The conversions of `nearfield_model::half`, and what else is done to a run of gradients, without branches: a compiler makes vector
//! instructions of them, and a test compares every one with the specification.

use crate::gradients::{HalfCopy, HalfFormat};
use nearfield_model::half::{BF16_NAN, F16_NAN, F32_NAN};
use nearfield_model::optimizer::Look;

const INFINITY: u32 = 0x7f80_0000;
const MAGNITUDE: u32 = 0x7fff_ffff;

/// The copy of a run.
#[inline(always)]
pub(super) fn narrow(run: &[f32], copy: HalfCopy<'_>) {
    match copy.format {
        HalfFormat::Fp16 => copy.into.iter_mut().zip(run).for_each(|(half, &wide)| *half = to_f16(wide)),
        HalfFormat::Bf16 => copy.into.iter_mut().zip(run).for_each(|(half, &wide)| *half = to_bf16(wide)),
    }
}

/// Whether there is an infinity or a NaN.
#[inline(always)]
pub(super) fn any_nonfinite(run: &[f32]) -> bool {
    let mut look = Look::default();
    for &value in run {
        look.at(value);
    }
    look.found()
}

/// Multiplies every value.
#[inline(always)]
pub(super) fn scale(run: &mut [f32], by: f32) {
    run.iter_mut().for_each(|value| *value *= by);
}

/// A binary16 in binary32.
#[inline(always)]
pub(crate) fn from_f16(half: u16) -> f32 {
    // 2^112: the difference of the biases.
    const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
    let magnitude = u32::from(half & 0x7fff);
    let sign = u32::from(half & 0x8000) << 16;
    // Exact for subnormals too, which are subnormals of binary32 before the product.
    let finite = (f32::from_bits(magnitude << 13) * REBIAS).to_bits() | sign;
    let special = if magnitude == 0x7c00 { INFINITY | sign } else { F32_NAN };
    f32::from_bits(if magnitude >= 0x7c00 { special } else { finite })
}

/// A bfloat16 in binary32.
#[inline(always)]
pub(crate) fn from_bf16(half: u16) -> f32 {
    let nan = half & 0x7fff > 0x7f80;
    f32::from_bits(if nan { F32_NAN } else { u32::from(half) << 16 })
}

#[inline(always)]
fn to_f16(value: f32) -> u16 {
    /// 2^-14, the smallest normal binary16, and 65,520, from which on everything is infinite.
    const NORMAL: u32 = 0x3880_0000;
    const OVERFLOW: u32 = 0x477f_f000;
    let bits = value.to_bits();
    let magnitude = bits & MAGNITUDE;
    let sign = (bits >> 16) as u16 & 0x8000;
    // A half has its last place at 2^-24, as a subnormal of binary16 has: the addition rounds, and what it added is taken away.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
    let odd = magnitude >> 13 & 1;
    let normal = magnitude.wrapping_sub(112 << 23).wrapping_add(0x0fff + odd) >> 13;
    let finite = if magnitude < NORMAL { subnormal } else { normal };
    let number = if magnitude >= OVERFLOW { 0x7c00 } else { finite as u16 };
    if magnitude > INFINITY {
        F16_NAN
    } else {
        sign | number
    }
}

#[inline(always)]
fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if bits & MAGNITUDE > INFINITY {
        BF16_NAN
    } else {
        rounded as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield_model::half;

    #[test]
    fn every_half_is_widened_as_specified() {
        for bits in 0..=u16::MAX {
            assert_eq!(from_f16(bits).to_bits(), half::f16_to_f32(bits).to_bits(), "{bits:#06x}");
            assert_eq!(from_bf16(bits).to_bits(), half::bf16_to_f32(bits).to_bits(), "{bits:#06x}");
        }
    }

    #[test]
    fn values_are_narrowed_as_specified() {
        // Every 16-bit pattern in the upper half, with what lies around a tie in the lower one; and a step that is odd.
        let lower = [0, 1, 0x0fff, 0x1000, 0x1001, 0x2000, 0x3000, 0x7fff, 0x8000, 0x8001, 0xfff0, 0xffff];
        let upper = (0..=0xffffu32).flat_map(|upper| lower.iter().map(move |lower| upper << 16 | lower));
        for bits in upper.chain((0..1 << 22).map(|i: u32| i.wrapping_mul(0x0001_0dcd))) {
            let value = f32::from_bits(bits);
            assert_eq!(to_f16(value), half::f32_to_f16(value), "{bits:#010x}");
            assert_eq!(to_bf16(value), half::f32_to_bf16(value), "{bits:#010x}");
        }
    }

    #[test]
    fn what_is_not_finite_is_found_wherever_it_is() {
        let mut run = vec![f32::MAX; 67];
        assert!(!any_nonfinite(&run) && !any_nonfinite(&[]));
        for at in 0..run.len() {
            for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::from_bits(0xff80_0001)] {
                run[at] = bad;
                assert!(any_nonfinite(&run));
            }
            run[at] = -f32::MAX;
        }
    }
}
