//! Operands that are hard for binary32 arithmetic, and the two references.

use crate::rng::Rng;
use softfloat_wrapper::{Float, F32};

/// The only NaN that units give.
pub const QUIET_NAN: u32 = 0x7fc0_0000;

/// Corner cases: every kind of value, both ends of every range, neighbours of powers of two, halfway patterns.
pub const CORNERS: [u32; 48] = [
    0x0000_0000, // +0
    0x8000_0000, // -0
    0x0000_0001, // smallest subnormal
    0x8000_0001,
    0x0000_0002,
    0x0000_0003,
    0x0040_0000, // subnormals with one bit, all bits
    0x807f_fffe,
    0x007f_ffff,
    0x807f_ffff,
    0x0080_0000, // smallest normal and its neighbours
    0x8080_0000,
    0x0080_0001,
    0x00ff_ffff,
    0x0100_0000,
    0x0b80_0000, // 2^-104, 2^-63, 2^-64: products at the edge of the subnormals
    0x2000_0000,
    0xa000_0001,
    0x1fff_ffff,
    0x3280_0000, // 2^-26, 2^-25, 2^-24, 2^-23: the last places of 1
    0x3300_0000,
    0x3380_0000,
    0xb380_0001,
    0x3400_0000,
    0x3effffff, // just below 0.5, 0.5
    0x3f00_0000,
    0x3f7f_ffff, // 1 and its neighbours
    0x3f80_0000,
    0x3f80_0001,
    0xbf80_0000,
    0xbf80_0001,
    0x3fc0_0000, // 1.5
    0x3fff_ffff, // just below 2, 2
    0x4000_0000,
    0x4040_0000, // 3
    0x4b00_0000, // 2^23, and its odd neighbours
    0x4b00_0001,
    0xcb7f_ffff, // 2^24 - 1, 2^24, 2^24 + 2
    0x4b80_0000,
    0x4b80_0001,
    0x5f00_0000, // 2^63, 2^64
    0xdf80_0000,
    0x7eff_ffff, // just below half the largest
    0x7f00_0000,
    0x7f7f_ffff, // largest
    0xff7f_ffff,
    0x7f80_0000, // infinities
    0xff80_0000,
];

/// NaNs, quiet and signalling: every corner is crossed with these as well.
pub const NANS: [u32; 4] = [0x7fc0_0000, 0xffc0_0001, 0x7f80_0001, 0xffbf_ffff];

/// The corners and the NaNs.
pub fn corners() -> Vec<u32> {
    CORNERS.iter().chain(&NANS).copied().collect()
}

/// One word for all NaNs: IEEE 754 leaves sign and payload open, units do not.
pub fn canonical(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() {
        QUIET_NAN
    } else {
        bits
    }
}

/// A native operation's result.
pub fn native(value: f32) -> u32 {
    canonical(value.to_bits())
}

/// A SoftFloat operation's result.
pub fn soft(value: F32) -> u32 {
    canonical(value.to_bits())
}

/// Draws operands that are seldom easy.
#[derive(Clone, Debug)]
pub struct Operands(Rng);

impl Operands {
    /// Operands of this seed.
    pub fn new(seed: u64) -> Operands {
        Operands(Rng::new(seed))
    }

    /// A fraction: any; few ones; many ones; ones only at the two ends; or nothing above a random bit.
    fn fraction(&mut self) -> u32 {
        let r = self.0.word() as u32;
        let fraction = match self.0.below(6) {
            0 => r & r.rotate_left(7) & r.rotate_left(19),
            1 => r | r.rotate_left(7) | r.rotate_left(19),
            2 => r & 0x60_0003,
            3 => r & 0x7f_ffff & ((2 << self.0.below(23)) - 1),
            _ => r,
        };
        fraction & 0x7f_ffff
    }

    /// A finite value whose exponent field is as near to `field` as there is one.
    fn with_field(&mut self, field: i32) -> u32 {
        (self.0.word() as u32 & 0x8000_0000) | (field.clamp(0, 254) as u32) << 23 | self.fraction()
    }

    /// Where two operands begin to ignore, round or cancel each other.
    fn distance(&mut self) -> i32 {
        let near = [0, 0, 0, 1, 2, 22, 23, 24, 25, 26, 27, 28, 46, 47, 48, 49, 50, 51, 52, 72, 74, 76];
        let d = if self.0.one_in(4) { self.0.below(80) as i32 } else { near[self.0.below(near.len())] };
        if self.0.one_in(2) {
            d
        } else {
            -d
        }
    }

    /// Any operand.
    pub fn any(&mut self) -> u32 {
        let corners = corners();
        match self.0.below(8) {
            0 => corners[self.0.below(corners.len())],
            1 | 2 => self.0.word() as u32,
            3 => self.with_field(0),
            4 => {
                let field = self.0.below(255) as i32;
                self.with_field(field)
            }
            _ => {
                let field = 127 + self.0.below(61) as i32 - 30;
                self.with_field(field)
            }
        }
    }

    /// An operand that has to do with `x`: a neighbour of it or of its opposite, or at a critical distance.
    pub fn beside(&mut self, x: u32) -> u32 {
        match self.0.below(4) {
            0 => self.any(),
            1 => {
                let neighbour = (x & 0x7fff_ffff).wrapping_add(self.0.below(9) as u32).wrapping_sub(4) & 0x7fff_ffff;
                neighbour | (self.0.word() as u32 & 0x8000_0000)
            }
            _ => {
                let field = (x >> 23 & 255) as i32 + self.distance();
                self.with_field(field)
            }
        }
    }

    /// Two operands: unrelated, beside each other, or with a product (or, with the second inverted, a quotient) at the
    /// edge of the subnormals or of overflow.
    pub fn two(&mut self) -> [u32; 2] {
        let a = self.any();
        let field = (a >> 23 & 255) as i32;
        let b = match self.0.below(6) {
            0 => self.any(),
            1 | 2 => self.beside(a),
            3 => {
                let target = self.0.below(52) as i32 - 27;
                self.with_field(127 + target - field)
            }
            4 => {
                let target = 254 - self.0.below(4) as i32;
                self.with_field(127 + target - field)
            }
            _ => {
                let edge = if self.0.one_in(3) { 254 } else { -12 };
                let target = edge + self.0.below(28) as i32 - 14;
                self.with_field(field + 127 - target)
            }
        };
        if self.0.one_in(2) {
            [a, b]
        } else {
            [b, a]
        }
    }

    /// Two factors and a summand that has to do with their product.
    pub fn three(&mut self) -> [u32; 3] {
        let [a, b] = self.two();
        let product = (f32::from_bits(a) * f32::from_bits(b)).to_bits();
        // A product that underflows or overflows binary32 still has a summand near it, or as near as there is.
        let field = (a >> 23 & 255) as i32 + (b >> 23 & 255) as i32 - 127;
        let c = match self.0.below(4) {
            0 => self.any(),
            1 => {
                let field = field + self.distance();
                self.with_field(field)
            }
            _ => self.beside(product),
        };
        [a, b, c]
    }
}
