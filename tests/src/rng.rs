//! A small seeded generator, so that a failure names a seed and nothing else.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that always gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// `bits` random bits, often a corner: zero, one, all ones, only the top.
    pub fn value(&mut self, bits: usize) -> u64 {
        let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
        match self.below(8) {
            0 => [0, 1, mask, mask - 1, 1 << (bits.min(64) - 1)][self.below(5)] & mask,
            _ => self.word() & mask,
        }
    }
}

/// The seed of a test: `NEARFIELD_SEED`, or the one written in the test. Prints it.
pub fn seed(test: &str, default: u64) -> u64 {
    let seed = std::env::var("NEARFIELD_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(default);
    println!("{test}: seed {seed} (NEARFIELD_SEED={seed} repeats it)");
    seed
}

/// Whether the long runs are wanted (`make test-long`).
pub fn long() -> bool {
    std::env::var_os("NEARFIELD_LONG").is_some_and(|v| v == "1")
}
