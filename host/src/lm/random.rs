//! Where chance comes from: one independent stream for each purpose, all from one seed.

use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The parameters before the first step.
    Initialization,
    /// Which pieces of the text a step sees. Each step has a stream of its own, so that a run goes on from any step
    /// without drawing what came before.
    Batch {
        /// Counted from 0.
        step: u64,
    },
}

/// The generator for a purpose. ChaCha8: the same numbers on every machine.
pub fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(match purpose {
        Purpose::Initialization => 0,
        Purpose::Batch { step } => 1 + step,
    });
    generator
}
