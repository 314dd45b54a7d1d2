//! The two formats of 16 bits as tables of their values, and conversion as a search in them: nothing is shifted or masked.

use crate::binary32::QUIET_NAN;

/// A format of 16 bits.
#[derive(Clone, Debug)]
pub struct Half {
    /// The value of every encoding from +0 up to infinity, which stands at 2^(largest exponent + 1): where the next finite
    /// number would be, so that what is nearest to it is infinite.
    values: Vec<f64>,
    /// The only NaN that units give.
    quiet_nan: u16,
}

impl Half {
    /// IEEE 754 binary16.
    pub fn fp16() -> Half {
        Half::new(5, 10)
    }

    /// bfloat16: the exponent of binary32, and 7 bits of its fraction.
    pub fn bf16() -> Half {
        Half::new(8, 7)
    }

    /// Values are counted up from +0: the distance to the next one doubles wherever the fraction is full, but not after the
    /// subnormals.
    fn new(exponent_bits: i32, fraction_bits: i32) -> Half {
        let bias = (1 << (exponent_bits - 1)) - 1;
        let mut step = 2f64.powi(1 - bias - fraction_bits);
        let mut values = vec![0.0];
        for field in 0..(1 << exponent_bits) - 1 {
            for _ in 0..1 << fraction_bits {
                values.push(values[values.len() - 1] + step);
            }
            step *= if field == 0 { 1.0 } else { 2.0 };
        }
        let infinity = (values.len() - 1) as u16;
        Half { values, quiet_nan: infinity | 1 << (fraction_bits - 1) }
    }

    fn infinity(&self) -> u16 {
        (self.values.len() - 1) as u16
    }

    /// An encoding as binary32, exactly.
    ///
    /// # Panics
    ///
    /// binary32 does not have the value.
    pub fn widen(&self, half: u16) -> u32 {
        let magnitude = half & 0x7fff;
        let value = match magnitude {
            m if m < self.infinity() => self.values[usize::from(m)],
            m if m == self.infinity() => f64::INFINITY,
            _ => return QUIET_NAN,
        };
        let wide = if half == magnitude { value as f32 } else { -value as f32 };
        assert_eq!(f64::from(wide).abs(), value, "{half:04x} is not a binary32");
        wide.to_bits()
    }

    /// The encoding nearest to a binary32; of two that are equally near, the even one.
    pub fn narrow(&self, wide: u32) -> u16 {
        let value = f64::from(f32::from_bits(wide));
        if value.is_nan() {
            return self.quiet_nan;
        }
        let above = self.values.partition_point(|&v| v < value.abs());
        let magnitude = match self.values.get(above) {
            None => self.infinity(),
            Some(_) if above == 0 => 0,
            Some(&upper) => {
                // Neighbours of a binary32 are so near to it that both differences are exact in binary64.
                let (up, down) = (upper - value.abs(), value.abs() - self.values[above - 1]);
                let odd = above % 2 == 1;
                (above - usize::from(down < up || (down == up && odd))) as u16
            }
        };
        magnitude | if wide >> 31 == 1 { 0x8000 } else { 0 }
    }

    /// Words where narrowing changes its mind: every exponent with fractions at, beside and halfway between encodings of
    /// either format, both signs.
    pub fn boundaries() -> impl Iterator<Item = u32> {
        (0..=255u32)
            .flat_map(|field| fractions().into_iter().flat_map(move |f| [field << 23 | f, 1 << 31 | field << 23 | f]))
    }
}

/// Every bit alone and every run of ones from either end, and their neighbours.
fn fractions() -> Vec<u32> {
    let mut all = Vec::new();
    for bit in 0..=23 {
        for x in [1u32 << bit, (1 << bit) - 1, 0x80_0000 - (1 << bit), 0x40_0000 | 1 << bit, 0x55_5555 ^ 1 << bit] {
            all.extend([x.wrapping_sub(1), x, x.wrapping_add(1)].map(|x| x & 0x7f_ffff));
        }
        // The last bit that is kept set and clear, above a half, just less and just more.
        for lower in [1 << bit >> 1, 3 << bit >> 1] {
            all.extend([lower - 1i32, lower, lower + 1].map(|x| x as u32 & 0x7f_ffff));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
