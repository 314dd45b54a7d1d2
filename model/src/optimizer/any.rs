//! Any of the optimizers, for code that does a step of whichever a person chose.

use super::{adagrad, adam, adamw, lion, sgd, BetaPowers, HyperError, Optimizer};

/// The names of the state tensors, in the order in which a step takes them and under which they are stored and exported.
const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";
const MOMENTUM_BUFFER: &str = "momentum_buffer";

/// The hyper-parameters of one of the optimizers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hyper {
    /// Of [`adam`].
    Adam(adam::Hyper),
    /// Of [`adamw`].
    AdamW(adamw::Hyper),
    /// Of [`adagrad`].
    Adagrad(adagrad::Hyper),
    /// Of [`sgd`].
    Sgd(sgd::Hyper),
    /// Of [`lion`].
    Lion(lion::Hyper),
}

impl Hyper {
    /// The defaults of an optimizer.
    pub fn of(optimizer: Optimizer) -> Hyper {
        match optimizer {
            Optimizer::Adam => Hyper::Adam(adam::Hyper::default()),
            Optimizer::AdamW => Hyper::AdamW(adamw::Hyper::default()),
            Optimizer::Adagrad => Hyper::Adagrad(adagrad::Hyper::default()),
            Optimizer::Sgd => Hyper::Sgd(sgd::Hyper::default()),
            Optimizer::Lion => Hyper::Lion(lion::Hyper::default()),
        }
    }

    /// Whose they are.
    pub fn optimizer(&self) -> Optimizer {
        match self {
            Hyper::Adam(_) => Optimizer::Adam,
            Hyper::AdamW(_) => Optimizer::AdamW,
            Hyper::Adagrad(_) => Optimizer::Adagrad,
            Hyper::Sgd(_) => Optimizer::Sgd,
            Hyper::Lion(_) => Optimizer::Lion,
        }
    }

    /// Refuses what no step can be done with, as the optimizer's own `check` says.
    pub fn check(&self) -> Result<(), HyperError> {
        match self {
            Hyper::Adam(hyper) => hyper.check(),
            Hyper::AdamW(hyper) => hyper.check(),
            Hyper::Adagrad(hyper) => hyper.check(),
            Hyper::Sgd(hyper) => hyper.check(),
            Hyper::Lion(hyper) => hyper.check(),
        }
    }

    /// The names of the state tensors, each of the parameters' length, in the order in which a step takes them.
    pub fn states(&self) -> &'static [&'static str] {
        match self {
            Hyper::Adam(_) | Hyper::AdamW(_) => &[EXP_AVG, EXP_AVG_SQ],
            Hyper::Adagrad(_) => &[EXP_AVG_SQ],
            Hyper::Lion(_) => &[EXP_AVG],
            Hyper::Sgd(hyper) if hyper.has_buffer() => &[MOMENTUM_BUFFER],
            Hyper::Sgd(_) => &[],
        }
    }

    /// The learning rate.
    pub fn lr(&self) -> f64 {
        match self {
            Hyper::Adam(hyper) => hyper.lr,
            Hyper::AdamW(hyper) => hyper.lr,
            Hyper::Adagrad(hyper) => hyper.lr,
            Hyper::Sgd(hyper) => hyper.lr,
            Hyper::Lion(hyper) => hyper.lr,
        }
    }

    /// The same with another learning rate.
    pub fn with_lr(mut self, new: f64) -> Hyper {
        let lr = match &mut self {
            Hyper::Adam(hyper) => &mut hyper.lr,
            Hyper::AdamW(hyper) => &mut hyper.lr,
            Hyper::Adagrad(hyper) => &mut hyper.lr,
            Hyper::Sgd(hyper) => &mut hyper.lr,
            Hyper::Lion(hyper) => &mut hyper.lr,
        };
        *lr = new;
        self
    }

    /// The weight decay.
    pub fn weight_decay(&self) -> f64 {
        match self {
            Hyper::Adam(hyper) => hyper.weight_decay,
            Hyper::AdamW(hyper) => hyper.weight_decay,
            Hyper::Adagrad(hyper) => hyper.weight_decay,
            Hyper::Sgd(hyper) => hyper.weight_decay,
            Hyper::Lion(hyper) => hyper.weight_decay,
        }
    }

    /// The same with another weight decay.
    pub fn with_weight_decay(mut self, new: f64) -> Hyper {
        let decay = match &mut self {
            Hyper::Adam(hyper) => &mut hyper.weight_decay,
            Hyper::AdamW(hyper) => &mut hyper.weight_decay,
            Hyper::Adagrad(hyper) => &mut hyper.weight_decay,
            Hyper::Sgd(hyper) => &mut hyper.weight_decay,
            Hyper::Lion(hyper) => &mut hyper.weight_decay,
        };
        *decay = new;
        self
    }

    /// The beta products before the first step. An optimizer that corrects no bias has betas of 1 here, whose products are
    /// 1 at every step: the products then only count the steps.
    pub fn powers(&self) -> BetaPowers {
        let (beta1, beta2) = self.corrected_betas();
        BetaPowers::new(beta1, beta2)
    }

    /// The beta products of the step after the one that `powers` belongs to.
    pub fn next(&self, powers: &BetaPowers) -> BetaPowers {
        let (beta1, beta2) = self.corrected_betas();
        powers.next(beta1, beta2)
    }

    fn corrected_betas(&self) -> (f64, f64) {
        match self {
            Hyper::Adam(hyper) => (hyper.beta1, hyper.beta2),
            Hyper::AdamW(hyper) => (hyper.beta1, hyper.beta2),
            Hyper::Adagrad(_) | Hyper::Sgd(_) | Hyper::Lion(_) => (1.0, 1.0),
        }
    }

    /// What the step that `powers` belongs to needs.
    ///
    /// # Errors
    ///
    /// Where a coefficient overflows f32.
    pub fn coefficients(&self, powers: &BetaPowers) -> Result<Coefficients, HyperError> {
        Ok(match self {
            Hyper::Adam(hyper) => Coefficients::Adam(adam::Coefficients::checked(hyper, powers)?),
            Hyper::AdamW(hyper) => Coefficients::AdamW(adamw::Coefficients::checked(hyper, powers)?),
            Hyper::Adagrad(hyper) => Coefficients::Adagrad(adagrad::Coefficients::new(hyper)),
            Hyper::Sgd(hyper) => Coefficients::Sgd(sgd::Coefficients::new(hyper, powers.step)),
            Hyper::Lion(hyper) => Coefficients::Lion(lion::Coefficients::checked(hyper)?),
        })
    }
}

/// What one step of one of the optimizers needs of its hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coefficients {
    /// Of [`adam`].
    Adam(adam::Coefficients),
    /// Of [`adamw`].
    AdamW(adamw::Coefficients),
    /// Of [`adagrad`].
    Adagrad(adagrad::Coefficients),
    /// Of [`sgd`].
    Sgd(sgd::Coefficients),
    /// Of [`lion`].
    Lion(lion::Coefficients),
}

impl Coefficients {
    /// Whose they are.
    pub fn optimizer(&self) -> Optimizer {
        match self {
            Coefficients::Adam(_) => Optimizer::Adam,
            Coefficients::AdamW(_) => Optimizer::AdamW,
            Coefficients::Adagrad(_) => Optimizer::Adagrad,
            Coefficients::Sgd(_) => Optimizer::Sgd,
            Coefficients::Lion(_) => Optimizer::Lion,
        }
    }

    /// One step in place on a run of elements, with the states in the order of [`Hyper::states`]; says whether a gradient was infinite or a NaN.
    ///
    /// # Panics
    ///
    /// If there are more or fewer states than the optimizer has, or if the slices differ in length.
    #[inline(always)]
    pub fn step(&self, params: &mut [f32], states: &mut [&mut [f32]], grads: &[f32]) -> bool {
        match (self, states) {
            (Coefficients::Adam(k), [m, v]) => adam::step(k, params, m, v, grads),
            (Coefficients::AdamW(k), [m, v]) => adamw::step(k, params, m, v, grads),
            (Coefficients::Adagrad(k), [v]) => adagrad::step(k, params, v, grads),
            (Coefficients::Sgd(k), [buf]) if k.has_buffer() => sgd::step(k, params, buf, grads),
            (Coefficients::Sgd(k), []) if !k.has_buffer() => sgd::plain_step(k, params, grads),
            (Coefficients::Lion(k), [m]) => lion::step(k, params, m, grads),
            (_, states) => wrong_states(self.optimizer(), states.len()),
        }
    }
}

/// Not inlined where the step is compiled for each vector unit.
#[cold]
fn wrong_states(optimizer: Optimizer, states: usize) -> ! {
    panic!("{states} states were given to {optimizer}, which has another number of them")
}

#[cfg(test)]
mod tests;
