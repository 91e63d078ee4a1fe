//! What may differ between our cluster and a real one, each with its reason. Nothing else may.

use crate::seen::Seen;
use crate::step::Step;

/// A difference that is known and accepted.
pub struct Exception {
    pub name: &'static str,
    pub reason: &'static str,
    /// The step, what ours answered, what the real one answered.
    applies: fn(&Step, &Seen, &Seen) -> bool,
}

/// All of them.
pub const EXCEPTIONS: &[Exception] = &[];

/// The exception that a difference falls under.
#[must_use]
pub fn find(step: &Step, ours: &Seen, theirs: &Seen) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|e| (e.applies)(step, ours, theirs))
}
