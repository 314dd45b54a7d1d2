//! Refused hyper-parameters.

/// A hyper-parameter that no step can be done with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} is {value}, but must be {rule}; give another {name}")]
pub struct HyperError {
    /// The hyper-parameter's name.
    pub name: &'static str,
    /// What was given.
    pub value: f64,
    /// What it has to be.
    pub rule: &'static str,
}

/// Refuses NaN, infinities, negative values and what overflows to infinity when it is rounded to f32.
pub(super) fn at_least_zero(name: &'static str, value: f64) -> Result<(), HyperError> {
    if value >= 0.0 && (value as f32).is_finite() {
        Ok(())
    } else {
        Err(HyperError { name, value, rule: "a finite number of at least 0 that f32 can hold" })
    }
}

/// Refuses what is not in [0, 1) after rounding to f32, where 1 would divide by zero in the bias correction, and would
/// never let a gradient in.
pub(super) fn decay_rate(name: &'static str, value: f64) -> Result<(), HyperError> {
    if value >= 0.0 && (value as f32) < 1.0 {
        Ok(())
    } else {
        Err(HyperError { name, value, rule: "at least 0 and, rounded to f32, less than 1" })
    }
}

/// Refuses what is not in [0, 1].
pub(super) fn fraction(name: &'static str, value: f64) -> Result<(), HyperError> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(HyperError { name, value, rule: "0 to 1" })
    }
}
