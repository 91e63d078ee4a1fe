//! The checkers, a small file each. Most look at one event in one sink, an [`Account`]; order looks at the sequence of effects.

pub mod dead_letter;
pub mod duplicate;
pub mod lost;
pub mod order;
pub mod phantom;
pub mod rejected;
pub mod stuck;
pub mod unexpected;

use crate::spec::{Expected, Semantics};
use crate::state::{mark, outcome};

/// What became of an event at the entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    NeverOffered,
    Accepted,
    Rejected,
    /// Unknown, or never told.
    Indeterminate,
}

impl Fate {
    /// An acceptance outweighs all else, since a promise was given; doubt outweighs a rejection.
    pub const fn of(bits: u8) -> Self {
        if bits & outcome::ACCEPTED != 0 {
            Self::Accepted
        } else if bits & outcome::INDETERMINATE != 0 {
            Self::Indeterminate
        } else if bits & outcome::REJECTED != 0 {
            Self::Rejected
        } else if bits & outcome::OFFERED != 0 {
            Self::Indeterminate
        } else {
            Self::NeverOffered
        }
    }
}

/// All that is known at the end of one event in one sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    pub fate: Fate,
    pub expected: Expected,
    pub semantics: Semantics,
    pub dead_letters_allowed: bool,
    /// A true effect. Where the final read is the truth but is not complete, a live one.
    pub effect: bool,
    /// An effect, seen at any time by any reading.
    pub glimpsed: bool,
    pub dead: bool,
    pub multiple: bool,
}

impl Account {
    /// `trust_live`: a live effect stands for a true one.
    pub const fn new(
        fate: Fate,
        expected: Expected,
        semantics: Semantics,
        dead_letters_allowed: bool,
        marks: u8,
        trust_live: bool,
    ) -> Self {
        let glimpsed = marks & (mark::LIVE | mark::TRUTH) != 0;
        Self {
            fate,
            expected,
            semantics,
            dead_letters_allowed,
            effect: marks & mark::TRUTH != 0 || (trust_live && glimpsed),
            glimpsed,
            dead: marks & mark::DEAD != 0,
            multiple: marks & mark::MULTIPLE != 0,
        }
    }

    /// Anything at all of the event is in the sink or its dead letters.
    pub const fn shows(&self) -> bool {
        self.glimpsed || self.dead
    }

    /// An accepted event that the sink owes something for.
    pub const fn is_due(&self) -> bool {
        matches!(self.fate, Fate::Accepted) && !matches!(self.expected, Expected::Nothing)
    }
}
