//! How much is kept, and what is refused.

/// How many elements of a run are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// This part of the elements, above 0 and at most 1; rounded to the nearest number of elements, at least one.
    Ratio(f64),
    /// This many.
    Count(u64),
}

/// Why a run was not compressed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompressError {
    /// The ratio is no part of a whole.
    #[error("a ratio of {ratio} cannot be kept; choose one above 0 and at most 1, for example 0.01")]
    Ratio {
        /// The ratio.
        ratio: f64,
    },
    /// The count does not fit the run.
    #[error("{count} elements cannot be kept of a run of {elements}; choose 1 to {elements}")]
    Count {
        /// The count.
        count: u64,
        /// Elements of the run.
        elements: u64,
    },
    /// The run has no elements.
    #[error("a run without elements cannot be compressed; leave it out")]
    Empty,
    /// An element has no magnitude.
    #[error("element {index} is NaN, which has no magnitude; skip this step, or send the gradient uncompressed")]
    NaN {
        /// The first such element.
        index: u64,
    },
    /// The residual is of another run.
    #[error(
        "there are {grads} gradients, but the residual has {residual} elements; use the residual of this run, or none"
    )]
    Lengths {
        /// Elements of the gradient.
        grads: u64,
        /// Elements of the residual.
        residual: u64,
    },
}

impl Amount {
    /// The number of elements that are kept of a run of `elements`.
    ///
    /// # Errors
    ///
    /// When the run is empty, the ratio is not above 0 and at most 1, or the count is 0 or above `elements`.
    pub fn of(self, elements: u64) -> Result<u64, CompressError> {
        match self {
            // Written so that NaN is refused.
            Amount::Ratio(ratio) if !(ratio > 0.0 && ratio <= 1.0) => Err(CompressError::Ratio { ratio }),
            Amount::Count(0) if elements == 0 => Err(CompressError::Empty),
            Amount::Count(count) if count == 0 || count > elements => Err(CompressError::Count { count, elements }),
            _ if elements == 0 => Err(CompressError::Empty),
            Amount::Ratio(ratio) => Ok(((elements as f64 * ratio).round() as u64).clamp(1, elements)),
            Amount::Count(count) => Ok(count),
        }
    }
}
