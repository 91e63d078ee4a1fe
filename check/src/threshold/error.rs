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
    pub unknown: Option<Box<Unknown>>,
}

/// A word and what could stand in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown {
    pub word: String,
    pub known: Vec<&'static str>,
}

impl ThresholdError {
    /// With the word that is not known.
    pub(super) fn of(mut self, word: &str, known: &[&'static str]) -> Self {
        self.unknown = Some(Box::new(Unknown {
            word: word.to_owned(),
            known: known.to_vec(),
        }));
        self
    }
}
