//! beta1^t and beta2^t as DeepSpeed's CPU optimizer keeps them.

/// Running products of the two betas: f32, one multiplication a step.
///
/// Source: `Adam_Optimizer::IncrementStep` of DeepSpeed 0.19.8 (`csrc/includes/cpu_adam.h`). There, as here, a step
/// number that is not the next one, or a beta that changed, recomputes the power in f64 and rounds it. The two ways differ
/// in the last bits, so a resumed run equals an uninterrupted one only if the products were saved with the state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaPowers {
    /// The step the products belong to; 0 before the first.
    pub step: u64,
    /// beta1, rounded to f32.
    pub beta1: f32,
    /// beta2, rounded to f32.
    pub beta2: f32,
    /// The product for beta1.
    pub beta1_t: f32,
    /// The product for beta2.
    pub beta2_t: f32,
}

impl BetaPowers {
    /// Before the first step: both products are 1.
    pub fn new(beta1: f64, beta2: f64) -> BetaPowers {
        BetaPowers { step: 0, beta1: beta1 as f32, beta2: beta2 as f32, beta1_t: 1.0, beta2_t: 1.0 }
    }

    /// The products for the step after this one, with the betas that hold there.
    pub fn next(&self, beta1: f64, beta2: f64) -> BetaPowers {
        self.at(self.step + 1, beta1, beta2)
    }

    /// The products for `step`, with the betas that hold there.
    pub fn at(&self, step: u64, beta1: f64, beta2: f64) -> BetaPowers {
        let (beta1, beta2) = (beta1 as f32, beta2 as f32);
        let follows = step == self.step + 1 && beta1 == self.beta1 && beta2 == self.beta2;
        let (beta1_t, beta2_t) = if follows {
            (self.beta1_t * beta1, self.beta2_t * beta2)
        } else {
            (power(beta1, step), power(beta2, step))
        };
        BetaPowers { step, beta1, beta2, beta1_t, beta2_t }
    }
}

/// f(pow(f64(beta), f64(step))); `powf` of f32 gives other bits.
fn power(beta: f32, step: u64) -> f32 {
    f64::from(beta).powf(step as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_multiplication_a_step() {
        let mut powers = BetaPowers::new(0.9, 0.999);
        let mut product = 1.0f32;
        for step in 1..=1000 {
            powers = powers.next(0.9, 0.999);
            product *= 0.999;
            assert_eq!((powers.step, powers.beta2_t), (step, product));
        }
        assert_ne!(powers.beta2_t, power(0.999, 1000), "the two ways differ, which is why the products are saved");
    }

    #[test]
    fn a_jump_or_another_beta_recomputes() {
        let powers = BetaPowers::new(0.9, 0.999).next(0.9, 0.999);
        assert_eq!(powers.at(1000, 0.9, 0.999).beta2_t, f64::from(0.999f32).powf(1000.0) as f32);
        let changed = powers.next(0.9, 0.99);
        assert_eq!(changed.beta2_t, f64::from(0.99f32).powf(2.0) as f32);
        assert_eq!(
            changed.beta1_t,
            f64::from(0.9f32).powf(2.0) as f32,
            "one change recomputes both, as DeepSpeed does"
        );
    }
}
