//! Where chance comes from: one independent stream for each split and purpose, all from one seed.

use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for. Each has a stream of its own, so that a change in one leaves the others alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which vertices are for training, validation and test.
    Split = 0,
    /// The parameters before the first step.
    Initialization = 1,
    /// Which values are dropped in each epoch.
    Dropout = 2,
}

/// The generator for a purpose in the `index`-th split of a seed. ChaCha8: the same numbers on every machine.
pub fn generator(seed: u64, index: u32, purpose: Purpose) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream((u64::from(index) << 2) | purpose as u64);
    generator
}
