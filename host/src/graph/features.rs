//! Made-up features.

use rand::RngCore;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A matrix `[rows, width]`, row-major, whose values are each something else than 0 with the chance `density`, by themselves; those are
/// drawn evenly from (-1, 1). The same for the same arguments on every machine.
pub fn bernoulli(rows: usize, width: usize, density: f64, seed: u64) -> Vec<f32> {
    draws(density, seed).take(rows * width).map(|value| value.unwrap_or(0.0)).collect()
}

/// Which values of that matrix are not 0: for each row `width.div_ceil(32)` words, the first column in the lowest bit of the first.
pub fn bernoulli_bits(rows: usize, width: usize, density: f64, seed: u64) -> Vec<u32> {
    let mut draws = draws(density, seed);
    let mut bits = Vec::with_capacity(rows * width.div_ceil(32));
    for _ in 0..rows {
        for first in (0..width).step_by(32) {
            let word = draws.by_ref().take(32.min(width - first)).enumerate();
            bits.push(word.fold(0, |word, (column, value)| word | u32::from(value.is_some()) << column));
        }
    }
    bits
}

/// Value after value; none where it is 0.
fn draws(density: f64, seed: u64) -> impl Iterator<Item = Option<f32>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let bound = (density.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
    std::iter::repeat_with(move || {
        let draw = generator.next_u64();
        // Odd, so never 0: the middle of one of 2^24 steps.
        let value = (((draw >> 40 & 0xff_fffe) + 1) as f32 - 8_388_608.0) / 8_388_608.0;
        (draw & 0xffff_ffff < bound).then_some(value)
    })
}

/// Which values of a matrix `[rows, width]` are not 0, as [`bernoulli_bits`] has it.
pub fn bits(features: &[f32], width: usize) -> Vec<u32> {
    let words = features.chunks_exact(width).flat_map(|row| row.chunks(32));
    let word = |word: &[f32]| {
        word.iter().enumerate().fold(0, |bits, (column, &value)| bits | u32::from(value != 0.0) << column)
    };
    words.map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_values() {
        for (rows, width, density) in [(5, 1, 0.5), (3, 32, 0.3), (7, 100, 0.8), (2, 256, 0.0), (2, 40, 1.0)] {
            let features = bernoulli(rows, width, density, 9);
            let of_values = bits(&features, width);
            assert_eq!(bernoulli_bits(rows, width, density, 9), of_values);
            for (at, value) in features.iter().enumerate() {
                let (row, column) = (at / width, at % width);
                let word = of_values[row * width.div_ceil(32) + column / 32];
                assert_eq!(word >> (column % 32) & 1 == 1, *value != 0.0, "{row}, {column}");
            }
        }
    }
}
