//! The 16-bit formats of gradients and half copies: widening is exact, narrowing rounds to nearest even.
//!
//! Subnormals are kept, and a finite value past the largest one becomes infinite. A NaN becomes the canonical quiet NaN of the
//! format it is converted to, as everywhere: sign and payload are not carried over.

/// What a NaN becomes in f32.
pub const F32_NAN: u32 = 0x7fc0_0000;
/// What a NaN becomes in f16 (IEEE 754 binary16).
pub const F16_NAN: u16 = 0x7e00;
/// What a NaN becomes in bf16 (the upper half of a binary32).
pub const BF16_NAN: u16 = 0x7fc0;

const F32_INFINITY: u32 = 0x7f80_0000;
const F16_INFINITY: u32 = 0x7c00;
/// f32 bits of 65,520, halfway between the largest f16 and what would come next: from here on it is infinity.
const F16_OVERFLOW: u32 = 0x477f_f000;
/// f32 bits of 2^-14, the smallest normal f16.
const F16_NORMAL: u32 = 0x3880_0000;
/// Difference of the biases of f32 and f16.
const REBIAS: u32 = 127 - 15;

/// The f32 with the value of these f16 bits.
pub fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff);
    let bits = match magnitude {
        0..=0x03ff => {
            // Zero or subnormal, a multiple of 2^-24: an integer of 10 bits is exact in f32, and so is its scaling.
            let value = magnitude as f32 / (1 << 24) as f32;
            sign | value.to_bits()
        }
        0x0400..=0x7bff => sign | ((magnitude << 13) + (REBIAS << 23)),
        F16_INFINITY => sign | F32_INFINITY,
        _ => F32_NAN,
    };
    f32::from_bits(bits)
}

/// The f16 bits nearest to a value.
pub fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > F32_INFINITY {
        return F16_NAN;
    }
    let rounded = if magnitude >= F16_OVERFLOW {
        F16_INFINITY
    } else if magnitude >= F16_NORMAL {
        // A carry out of the significand goes into the exponent, which is right.
        shifted_to_nearest(magnitude - (REBIAS << 23), 13)
    } else {
        // In units of 2^-24. Below 2^-25 everything is nearer to zero, and the shift would leave the word.
        match magnitude >> 23 {
            0..=101 => 0,
            exponent => shifted_to_nearest(magnitude & 0x007f_ffff | 0x0080_0000, 126 - exponent),
        }
    };
    sign | rounded as u16
}

/// The f32 with the value of these bf16 bits.
pub fn bf16_to_f32(half: u16) -> f32 {
    match half & 0x7fff {
        0x7f81.. => f32::from_bits(F32_NAN),
        _ => f32::from_bits(u32::from(half) << 16),
    }
}

/// The bf16 bits nearest to a value.
pub fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if bits & 0x7fff_ffff > F32_INFINITY {
        return BF16_NAN;
    }
    // The sign stays: the magnitude's carry reaches infinity at most.
    shifted_to_nearest(bits, 16) as u16
}

/// `value` / 2^`shift`, to nearest even. `shift` is 1 to 24, and `value` at least 2^23 below the end of its word.
fn shifted_to_nearest(value: u32, shift: u32) -> u32 {
    let odd = value >> shift & 1;
    (value + (1 << (shift - 1)) - 1 + odd) >> shift
}

#[cfg(test)]
mod tests;
