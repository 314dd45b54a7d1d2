//! The exact sum of squares of a gradient: what clipping and the check for overflow are made from.
//!
//! The square of an f32 is a multiple of 2^-298 below 2^256, so a fixed-point number of 640 bits holds the sum of 2^64 of
//! them without rounding. It does not depend on the order, sums of parts add up to the sum of the whole, and only
//! [`SquareSum::rounded`] rounds, once.

/// Words of the fixed-point sum.
pub const WORDS: usize = 10;
/// Weight of its lowest bit, as a power of two.
pub const LOWEST: i32 = -298;

/// An exact sum of squares of up to 2^64 values, and whether one of them was infinite or NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquareSum {
    /// The sum of the finite values' squares in units of 2^[`LOWEST`], the lowest word first.
    pub words: [u64; WORDS],
    /// Whether a value was infinite or NaN; such a value is not in the sum.
    pub nonfinite: bool,
}

impl SquareSum {
    /// Adds the square of a value.
    pub fn add(&mut self, value: f32) {
        match parts(value) {
            Some((significand, exponent)) => self.add_squares(significand * significand, exponent),
            None => self.nonfinite = true,
        }
    }

    /// Adds a sum of squares of significands that have one exponent, as [`parts`] gives them.
    pub fn add_squares(&mut self, squares: u64, exponent: u32) {
        // value^2 = significand^2 * 2^(2 * (exponent - 149)), and 2 * -149 is LOWEST.
        let shift = 2 * exponent as usize;
        let wide = u128::from(squares) << (shift % 64);
        self.add_at(shift / 64, wide as u64, (wide >> 64) as u64);
    }

    /// Adds another sum.
    pub fn add_sum(&mut self, other: &SquareSum) {
        let mut carry = false;
        for (word, addend) in self.words.iter_mut().zip(other.words) {
            (*word, carry) = add_with_carry(*word, addend, carry);
        }
        self.nonfinite |= other.nonfinite;
    }

    /// The sum, rounded once to the nearest f64, ties to even; `None` if a value was infinite or NaN. The f64 is exact in its
    /// range: the smallest sum but zero is 2^-298, and the largest is below 2^320.
    pub fn rounded(&self) -> Option<f64> {
        if self.nonfinite {
            return None;
        }
        let Some(top) = self.words.iter().rposition(|&word| word != 0) else {
            return Some(0.0);
        };
        let bits = 64 * top as u32 + 64 - self.words[top].leading_zeros();
        // The 64 bits from the highest one on; all that lies below them only matters for ties, and goes into the last bit,
        // which is below the f64's last and its half.
        let start = bits.saturating_sub(64);
        let (word, offset) = (start as usize / 64, start % 64);
        let above = self.words.get(word + 1).copied().unwrap_or(0);
        let mut leading = ((u128::from(above) << 64 | u128::from(self.words[word])) >> offset) as u64;
        let below = self.words[..word].iter().any(|&word| word != 0) || self.words[word] & ((1 << offset) - 1) != 0;
        leading |= u64::from(below);
        // The conversion rounds to nearest even; the scaling is exact.
        Some(leading as f64 * 2f64.powi(start as i32 + LOWEST))
    }

    fn add_at(&mut self, word: usize, low: u64, high: u64) {
        let mut carry = false;
        for (offset, word) in self.words[word..].iter_mut().enumerate() {
            let addend = match offset {
                0 => low,
                1 => high,
                _ if !carry => return,
                _ => 0,
            };
            (*word, carry) = add_with_carry(*word, addend, carry);
        }
    }
}

/// Significand and exponent of a finite value, which is ±significand · 2^(exponent − 149); `None` if it is not finite. The
/// significand has 24 bits, the exponent is at most 253.
pub fn parts(value: f32) -> Option<(u64, u32)> {
    let bits = value.to_bits();
    let (exponent, fraction) = (bits >> 23 & 0xff, u64::from(bits & 0x007f_ffff));
    match exponent {
        0xff => None,
        0 => Some((fraction, 0)),
        _ => Some((fraction | 0x0080_0000, exponent - 1)),
    }
}

fn add_with_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(u64::from(carry));
    (sum, first || second)
}

/// The exact sum of squares of a run.
pub fn sum_of_squares(run: &[f32]) -> SquareSum {
    let mut sum = SquareSum::default();
    run.iter().for_each(|&value| sum.add(value));
    sum
}

#[cfg(test)]
mod tests;
