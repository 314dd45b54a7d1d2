//! Derivatives by finite differences, for the tests of the parts.

use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Numbers between -1 and 1.
pub(super) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| chance.random_range(-1.0..=1.0)).collect()
}

/// Checks `by_x`, the derivatives of Σ slope · y(x), against central differences, element by element.
///
/// With a step of 2^-6 the parts, whose values and third derivatives are of the order of 1, are off by about 2^-12 / 6 of
/// truncation and 2^-24 / 2^-6 · (number of values) of rounding: some 1e-4. Errors in a formula are of the order of 1.
pub(super) fn check(x: &[f32], by_x: &[f32], slope: &[f32], y: impl Fn(&[f32]) -> Vec<f32>) {
    const STEP: f32 = 0.015_625;
    assert_eq!(x.len(), by_x.len());
    let value = |x: &[f32]| -> f64 {
        let y = y(x);
        assert_eq!(y.len(), slope.len());
        y.iter().zip(slope).map(|(&y, &slope)| f64::from(y) * f64::from(slope)).sum()
    };
    let largest = by_x.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0, "all derivatives are zero");
    for element in 0..x.len() {
        let mut moved = x.to_vec();
        moved[element] = x[element] + STEP;
        let (above, above_at) = (value(&moved), moved[element]);
        moved[element] = x[element] - STEP;
        let difference = (above - value(&moved)) / f64::from(above_at - moved[element]);
        let error = (difference - f64::from(by_x[element])).abs();
        assert!(
            error < 1e-3 * f64::from(largest.max(1.0)),
            "element {element}: the derivative is {} and not {difference}",
            by_x[element]
        );
    }
}
