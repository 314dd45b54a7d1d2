//! Sums and exponentials over rows of values: the same bits on every machine, and in a form that compilers vectorise.

/// Sums that are kept side by side, so that none waits for the addition before it.
const WAYS: usize = 8;

/// Σ a·b.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; WAYS];
    let (chunks_a, chunks_b) = (a.chunks_exact(WAYS), b.chunks_exact(WAYS));
    let rest = chunks_a.remainder().iter().zip(chunks_b.remainder()).map(|(a, b)| a * b).sum::<f32>();
    for (a, b) in chunks_a.zip(chunks_b) {
        for way in 0..WAYS {
            sums[way] += a[way] * b[way];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Σ a.
pub(super) fn sum(a: &[f32]) -> f32 {
    let mut sums = [0.0; WAYS];
    let chunks = a.chunks_exact(WAYS);
    let rest = chunks.remainder().iter().sum::<f32>();
    for a in chunks {
        for way in 0..WAYS {
            sums[way] += a[way];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The largest value, or -∞ of none. A NaN is passed over; it comes back in the sum of the exponentials.
pub(super) fn largest(a: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut ways = [f32::NEG_INFINITY; WAYS];
    let chunks = a.chunks_exact(WAYS);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |most, &a| larger(a, most));
    for a in chunks {
        for way in 0..WAYS {
            ways[way] = larger(a[way], ways[way]);
        }
    }
    ways.into_iter().fold(rest, larger)
}

/// Added and subtracted, it rounds to an integer, which is then in the low bits of the sum.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, the first with so few bits that its product with the exponent is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// e^x with an error of at most two units in the last place where the result is a normal number; below -87 it is e^-87, above 88
/// e^88. Method and coefficients: Moshier's Cephes, `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    (p * r * r + r + 1.0) * power
}

/// Makes a row of values the row of their softmax.
pub(super) fn softmax(row: &mut [f32]) {
    let most = largest(row);
    row.iter_mut().for_each(|value| *value = exp(*value - most));
    let inverse = 1.0 / sum(row);
    row.iter_mut().for_each(|value| *value *= inverse);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_of_the_exact_value() {
        for step in -870_000..=880_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "exp({x}) is off by {error:e}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NAN).is_nan() && exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38);
    }

    #[test]
    fn sums_of_any_length_are_right() {
        for length in 0..40 {
            let a: Vec<f32> = (0..length).map(|x| x as f32).collect();
            let b = vec![2.0; length];
            let total = (length * length.saturating_sub(1) / 2) as f32;
            assert_eq!((sum(&a), dot(&a, &b)), (total, 2.0 * total));
            assert_eq!(largest(&a), if length == 0 { f32::NEG_INFINITY } else { length as f32 - 1.0 });
        }
    }

    #[test]
    fn softmax_sums_to_one_and_shows_a_nan() {
        let mut row = [1.0, 2.0, 3.0];
        softmax(&mut row);
        assert!((sum(&row) - 1.0).abs() < 1e-6 && (row[2] / row[1] - std::f32::consts::E).abs() < 1e-5);
        let mut row = [1.0, f32::NAN, 3.0];
        softmax(&mut row);
        assert!(row.iter().all(|value| value.is_nan()));
    }
}
