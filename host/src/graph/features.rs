//! Made-up features.

use rand::RngCore;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A matrix `[rows, width]`, row-major, whose values are each something else than 0 with the chance `density`, by themselves; those are
/// drawn evenly from (-1, 1). The same for the same arguments on every machine.
pub fn bernoulli(rows: usize, width: usize, density: f64, seed: u64) -> Vec<f32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let bound = (density.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
    (0..rows * width)
        .map(|_| {
            let draw = generator.next_u64();
            // Odd, so never 0: the middle of one of 2^24 steps.
            let value = (((draw >> 40 & 0xff_fffe) + 1) as f32 - 8_388_608.0) / 8_388_608.0;
            if draw & 0xffff_ffff < bound {
                value
            } else {
                0.0
            }
        })
        .collect()
}
