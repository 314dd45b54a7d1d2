//! The vectors of the self-test: made from a seed, the same on every machine, for ever.

use nearfield_model::optimizer::adamw::{self, Coefficients, Hyper};
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Element counts around an element, a beat (16), a page (1,024) and the buffers of a kernel.
const COUNTS: [u32; 16] = [1, 2, 3, 5, 15, 16, 17, 31, 33, 255, 1007, 1024, 1025, 4099, 8192, 20_001];
/// Values at which arithmetic changes its ways: zeros, subnormals, the smallest normal, the largest, one.
const CORNERS: [u32; 7] = [0, 0x8000_0000, 1, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x3f80_0000];
/// Steps of a case, each with the parameters and moments of the one before.
pub const STEPS: u32 = 3;

/// What one case does: some steps on tensors of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Elements of each tensor.
    pub elements: u32,
    /// Hyper-parameters.
    pub hyper: Hyper,
    /// Where the tensors come from.
    pub seed: u64,
}

/// Every case, in a fixed order: plain AdamW, without weight decay, without bias correction and eps, in turn.
pub fn cases() -> Vec<Case> {
    let plain = Hyper::default();
    let without_decay = Hyper { weight_decay: 0.0, ..plain };
    let without_correction = Hyper { bias_correction: false, eps: 0.0, ..plain };
    let hypers = [plain, without_decay, without_correction];
    (0..).zip(COUNTS).map(|(i, elements)| Case { elements, hyper: hypers[i % hypers.len()], seed: i as u64 }).collect()
}

/// Parameters, first moments, second moments.
pub type State = [Vec<f32>; 3];

impl Case {
    fn tensor(&self, which: u64, positive: bool) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed << 8 | which);
        let mut value = || {
            let (draw, word): (u32, u32) = (random.random_range(0..16), random.random());
            let bits = match draw {
                0 => CORNERS[word as usize % CORNERS.len()],
                // Exponents around one, so that most results are ordinary numbers.
                _ => (word & 0x807f_ffff) | (100 + random.random_range(0..40)) << 23,
            };
            f32::from_bits(if positive { bits & 0x7fff_ffff } else { bits })
        };
        (0..self.elements).map(|_| value()).collect()
    }

    /// What the first step begins with.
    pub fn begin(&self) -> State {
        [self.tensor(0, false), self.tensor(1, false), self.tensor(2, true)]
    }

    /// The gradients of a step, counted from 1.
    pub fn gradients(&self, step: u32) -> Vec<f32> {
        self.tensor(u64::from(2 + step), false)
    }

    /// The coefficients of a step, counted from 1.
    pub fn coefficients(&self, step: u32) -> Coefficients {
        let powers = (0..step).fold(self.hyper.powers(), |p, _| p.next(self.hyper.beta1, self.hyper.beta2));
        Coefficients::new(&self.hyper, &powers)
    }

    /// What every step has to leave, by the specification.
    pub fn expected(&self) -> Vec<State> {
        let mut state = self.begin();
        let mut after = Vec::new();
        for step in 1..=STEPS {
            let [p, m, v] = &mut state;
            adamw::step(&self.coefficients(step), p, m, v, &self.gradients(step));
            after.push(state.clone());
        }
        after
    }
}

/// A checksum (CRC-32) of everything the cases expect: the vectors, and the specification on this processor, are those of
/// every other machine.
pub fn digest(expected: &[Vec<State>]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for tensor in expected.iter().flatten().flatten() {
        tensor.iter().for_each(|x| hasher.update(&x.to_bits().to_le_bytes()));
    }
    hasher.finalize()
}

/// [`digest`] of the cases of this version.
pub const DIGEST: u32 = 0x53be_a216;
