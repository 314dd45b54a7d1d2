//! Optimizers, each written once, as the specification.
//!
//! A module an optimizer. Each has the hyper-parameters as a person writes them (`Hyper`, f64), what one step needs of
//! them (`Coefficients`, f32: the registers of a kernel) and the step itself (`element` for one element, `step` for
//! slices). [`BetaPowers`] holds the running products of the optimizers that correct bias. [`Hyper`] and [`Coefficients`]
//! are those of any of the optimizers, and [`Optimizer`] is its name.

pub mod adagrad;
pub mod adam;
pub mod adamw;
mod any;
mod beta_powers;
mod hyper_error;
mod kind;
pub mod lion;
mod moments;
#[cfg(test)]
mod random;
pub mod sgd;

pub use any::{Coefficients, Hyper};
pub use beta_powers::BetaPowers;
pub use hyper_error::HyperError;
pub use kind::Optimizer;

/// The NaN that is stored whenever a result is a NaN: quiet, positive, no payload.
pub const CANONICAL_NAN: u32 = 0x7fc0_0000;

/// A look for infinities and NaNs. On the way of gradients into a step it costs next to nothing, where a pass of its own would read them again.
#[derive(Debug, Default)]
pub struct Look {
    /// The largest magnitude, as bits: in that order infinity comes after every number, and NaNs after it.
    largest: u32,
}

impl Look {
    /// Looks at a value and hands it on.
    #[inline(always)]
    pub fn at(&mut self, grad: f32) -> f32 {
        self.largest = self.largest.max(grad.abs().to_bits());
        grad
    }

    /// Whether one was infinite or a NaN.
    #[inline(always)]
    pub fn found(&self) -> bool {
        self.largest >= f32::INFINITY.to_bits()
    }
}

/// `x`, or the canonical NaN if `x` is any NaN.
#[inline(always)]
pub fn canonical(x: f32) -> f32 {
    if x.is_nan() {
        f32::from_bits(CANONICAL_NAN)
    } else {
        x
    }
}
