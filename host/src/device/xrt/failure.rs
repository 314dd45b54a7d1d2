//! What went wrong with a call, as the helper finds it.

use std::io;

/// A call of XRT that failed: which, with what, and what `errno` said.
#[derive(Debug, thiserror::Error)]
#[error("{call}({arguments}) failed: {cause}")]
pub struct CallError {
    /// The function.
    pub call: &'static str,
    /// The arguments that matter.
    pub arguments: String,
    /// `errno` after it, which XRT sets at most failures.
    pub cause: io::Error,
}
