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
    /// A word that is not known, and all that could stand in its place.
    pub unknown: Option<(String, Vec<&'static str>)>,
}

impl ThresholdError {
    /// With the word that is not known.
    pub(super) fn of(mut self, word: &str, known: &[&'static str]) -> Self {
        self.unknown = Some((word.to_owned(), known.to_vec()));
        self
    }
}
