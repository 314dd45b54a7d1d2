//! Exact, in any order and any parts, and rounded once.

use super::*;

struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0.rotate_left(32)
    }

    /// Any finite bits.
    fn finite(&mut self) -> f32 {
        loop {
            let value = f32::from_bits(self.next() as u32);
            if value.is_finite() {
                return value;
            }
        }
    }
}

/// A sum of one bit.
fn bit(number: usize) -> SquareSum {
    let mut sum = SquareSum::default();
    sum.words[number / 64] = 1 << (number % 64);
    sum
}

#[test]
fn one_square_is_that_of_f64() {
    // 48 bits of significand and an exponent that f64 has: the product is exact there.
    let check = |value: f32| {
        let square = f64::from(value) * f64::from(value);
        assert_eq!(sum_of_squares(&[value]).rounded(), Some(square), "{:#010x}", value.to_bits());
    };
    let mut draw = Draw(1);
    (0..1_000_000).for_each(|_| check(draw.finite()));
    [0.0, -0.0, f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX, f32::MIN, 1.0].into_iter().for_each(check);
}

#[test]
fn small_sums_are_those_of_integers() {
    let mut draw = Draw(2);
    for _ in 0..1000 {
        // Multiples of 2^-20 below 2^11: sums of their squares fit 128 bits in units of 2^-40.
        let run: Vec<i32> = (0..100).map(|_| draw.next() as i32 >> 8).collect();
        let expected: u128 = run.iter().map(|&m| (i128::from(m) * i128::from(m)) as u128).sum();
        let run: Vec<f32> = run.iter().map(|&m| m as f32 / (1 << 20) as f32).collect();
        let sum = sum_of_squares(&run);
        let shift = (-40 - LOWEST) as usize;
        let mut words = [0; WORDS];
        let wide = expected << (shift % 64);
        (words[shift / 64], words[shift / 64 + 1]) = (wide as u64, (wide >> 64) as u64);
        assert_eq!(sum.words, words);
    }
}

#[test]
fn neither_order_nor_parts_matter() {
    let mut draw = Draw(3);
    let mut run: Vec<f32> = (0..4096).map(|_| draw.finite()).collect();
    let whole = sum_of_squares(&run);
    for _ in 0..20 {
        for place in (1..run.len()).rev() {
            run.swap(place, draw.next() as usize % (place + 1));
        }
        assert_eq!(sum_of_squares(&run), whole);
        let (one, two) = run.split_at(draw.next() as usize % run.len());
        let mut sum = sum_of_squares(two);
        sum.add_sum(&sum_of_squares(one));
        assert_eq!(sum, whole);
    }
}

#[test]
fn carries_run_through_all_words() {
    let mut sum = SquareSum { words: [u64::MAX; WORDS], nonfinite: false };
    sum.words[WORDS - 1] = 0;
    sum.add(f32::from_bits(1));
    assert_eq!(sum, bit(64 * (WORDS - 1)));
    let mut halves = bit(63);
    halves.add_sum(&bit(63));
    assert_eq!(halves, bit(64));
}

/// The worst that 2^64 values can do fits.
#[test]
fn the_largest_sum_fits() {
    let mut sum = sum_of_squares(&[f32::MAX]);
    for _ in 0..64 {
        let copy = sum;
        sum.add_sum(&copy);
    }
    assert_eq!(sum.rounded(), Some(f64::from(f32::MAX) * f64::from(f32::MAX) * 2f64.powi(64)));
}

#[test]
fn rounding_is_to_nearest_even_and_sees_every_bit() {
    let sum = |bits: &[usize]| {
        let mut sum = SquareSum::default();
        bits.iter().for_each(|&number| sum.add_sum(&bit(number)));
        sum.rounded().unwrap()
    };
    let unit = |number: usize| 2f64.powi(number as i32 + LOWEST);
    for high in [53, 63, 64, 100, 128, 300, 617] {
        assert_eq!(sum(&[high]), unit(high));
        // An f64 has 53 bits; the one behind them is a half.
        assert_eq!(sum(&[high, high - 52]), unit(high) + unit(high - 52));
        assert_eq!(sum(&[high, high - 53]), unit(high), "a tie goes to even");
        assert_eq!(sum(&[high, high - 52, high - 53]), unit(high) + 2.0 * unit(high - 52), "a tie goes to even");
        for low in 0..high - 53 {
            assert_eq!(sum(&[high, high - 53, low]), unit(high) + unit(high - 52), "bit {low} breaks the tie");
        }
    }
}

#[test]
fn what_is_not_finite_is_flagged_and_left_out() {
    for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::from_bits(0xff80_0001)] {
        let sum = sum_of_squares(&[1.0, value, 2.0]);
        assert_eq!((sum.nonfinite, sum.rounded()), (true, None));
        assert_eq!(sum.words, sum_of_squares(&[2.0, 1.0]).words);
        let mut other = sum_of_squares(&[3.0]);
        other.add_sum(&sum);
        assert!(other.nonfinite);
    }
    assert_eq!(sum_of_squares(&[]).rounded(), Some(0.0));
}
