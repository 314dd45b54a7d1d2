//! What went wrong with a call, as the helper finds it.

/// A call of XRT that failed, or was not made. Why it failed XRT prints; `errno` is most often somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("{call}({arguments}) failed{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
pub struct CallError {
    /// The function.
    pub call: &'static str,
    /// The arguments that matter.
    pub arguments: String,
    /// Why it was not made.
    pub why: Option<String>,
}
