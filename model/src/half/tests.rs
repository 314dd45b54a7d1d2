//! All 65,536 values of both formats, every boundary between two of them, and random values.

use super::*;

/// A format by its arithmetic: what its bits mean in f64, without a conversion of the module under test.
#[derive(Clone, Copy, Debug)]
struct Format {
    significand_bits: i32,
    bias: i32,
    widen: fn(u16) -> f32,
    narrow: fn(f32) -> u16,
    nan: u16,
}

const F16: Format = Format { significand_bits: 10, bias: 15, widen: f16_to_f32, narrow: f32_to_f16, nan: F16_NAN };
const BF16: Format = Format { significand_bits: 7, bias: 127, widen: bf16_to_f32, narrow: f32_to_bf16, nan: BF16_NAN };

impl Format {
    fn infinity(self) -> u16 {
        0x7fff >> self.significand_bits << self.significand_bits
    }

    /// The value of a magnitude below infinity; infinity counts as the value that would come next.
    fn value(self, magnitude: u16) -> f64 {
        let exponent = i32::from(magnitude >> self.significand_bits);
        let fraction = f64::from(magnitude & ((1 << self.significand_bits) - 1));
        let hidden = if exponent == 0 { 0.0 } else { f64::from(1 << self.significand_bits) };
        (hidden + fraction) * 2f64.powi(exponent.max(1) - self.bias - self.significand_bits)
    }

    /// The magnitude nearest to a non-negative value, ties to even, by looking for it.
    fn nearest(self, value: f64) -> u16 {
        let (mut low, mut high) = (0, self.infinity());
        if value >= self.value(high) {
            return high;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            *(if self.value(middle) <= value { &mut low } else { &mut high }) = middle;
        }
        // Exact in f64: neighbours and value have few bits, or differ by little.
        let (below, above) = (value - self.value(low), self.value(high) - value);
        match below.total_cmp(&above) {
            std::cmp::Ordering::Less => low,
            std::cmp::Ordering::Greater => high,
            std::cmp::Ordering::Equal => low + (low & 1),
        }
    }
}

#[test]
fn every_half_widens_to_its_value_and_comes_back() {
    for format in [F16, BF16] {
        for half in 0..=u16::MAX {
            let (magnitude, negative) = (half & 0x7fff, half & 0x8000 != 0);
            let wide = (format.widen)(half);
            if magnitude > format.infinity() {
                assert_eq!((wide.to_bits(), (format.narrow)(wide)), (F32_NAN, format.nan), "{format:?} {half:#06x}");
                continue;
            }
            let expected = if magnitude == format.infinity() { f64::INFINITY } else { format.value(magnitude) };
            assert_eq!(f64::from(wide.abs()), expected, "{format:?} {half:#06x}");
            assert_eq!(wide.is_sign_negative(), negative, "{format:?} {half:#06x}");
            assert_eq!((format.narrow)(wide), half, "{format:?} {half:#06x}");
        }
    }
}

#[test]
fn every_boundary_goes_to_even_and_its_neighbours_to_their_sides() {
    for format in [F16, BF16] {
        for low in 0..format.infinity() {
            // Halfway between two neighbours is always an f32.
            let middle = ((format.value(low) + format.value(low + 1)) / 2.0) as f32;
            assert_eq!(f64::from(middle), (format.value(low) + format.value(low + 1)) / 2.0);
            for sign in [0, 0x8000] {
                let signed = |x: f32| if sign == 0 { x } else { -x };
                let even = low + (low & 1);
                assert_eq!((format.narrow)(signed(middle)), sign | even, "{format:?} {low:#06x}");
                assert_eq!((format.narrow)(signed(middle.next_down())), sign | low, "{format:?} {low:#06x}");
                assert_eq!((format.narrow)(signed(middle.next_up())), sign | (low + 1), "{format:?} {low:#06x}");
            }
        }
    }
}

#[test]
fn random_values_go_to_the_nearest() {
    let mut state = 1u64;
    for _ in 0..1_000_000 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let value = f32::from_bits((state >> 32) as u32);
        for format in [F16, BF16] {
            let sign = (value.to_bits() >> 16) as u16 & 0x8000;
            let expected = if value.is_nan() { format.nan } else { sign | format.nearest(f64::from(value.abs())) };
            assert_eq!((format.narrow)(value), expected, "{format:?} {:#010x}", value.to_bits());
        }
    }
}

#[test]
fn ends_of_the_ranges() {
    assert_eq!((f32_to_f16(65_504.0), f32_to_f16(65_519.996), f32_to_f16(65_520.0)), (0x7bff, 0x7bff, 0x7c00));
    assert_eq!((f32_to_f16(f32::MAX), f32_to_f16(f32::NEG_INFINITY)), (0x7c00, 0xfc00));
    assert_eq!((f32_to_f16(-0.0), f32_to_f16(f32::from_bits(1)), f32_to_f16(-1e-30)), (0x8000, 0, 0x8000));
    assert_eq!((f32_to_bf16(f32::MAX), f32_to_bf16(-0.0), f32_to_bf16(f32::INFINITY)), (0x7f80, 0x8000, 0x7f80));
    assert_eq!((f32_to_f16(-f32::NAN), f32_to_bf16(f32::from_bits(0xff80_0001))), (F16_NAN, BF16_NAN));
}
