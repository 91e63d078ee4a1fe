//! Why a threshold cannot be read.

/// A mistake in a metric key or an expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}`, column {column}: {what}; {mend}")]
pub struct ThresholdError {
    /// The key or the expression that was read.
    pub text: String,
    /// Where, counted in bytes from 1.
    pub column: usize,
    pub what: String,
    /// How to mend it.
    pub mend: String,
}
