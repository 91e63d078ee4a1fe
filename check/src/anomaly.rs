//! Anomalies: their names, what they mean for a verdict, and bounded examples.

use crate::judgement::Headline;
use crate::op::EventId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The names are Jepsen's where it has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyName {
    /// Accepted and never in the sink, though later ones were.
    LostWrite,
    /// Accepted and never in the sink, and nothing later was.
    Unseen,
    /// More than one stored effect of an event.
    DuplicateEffect,
    /// An effect or dead letter of an event that was never offered.
    Phantom,
    /// An effect or dead letter of an event that was definitely not taken.
    RejectedEffect,
    /// An effect of an event that must have none here.
    UnexpectedEffect,
    /// A dead letter of an event that must not be one.
    UnexpectedDeadLetter,
    /// An effect that stands after one of a later event of its key.
    Order,
    /// Accepted and still on its way when the drain gave up.
    Stuck,
}

impl AnomalyName {
    pub const ALL: [Self; 9] = [
        Self::LostWrite,
        Self::Unseen,
        Self::DuplicateEffect,
        Self::Phantom,
        Self::RejectedEffect,
        Self::UnexpectedEffect,
        Self::UnexpectedDeadLetter,
        Self::Order,
        Self::Stuck,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostWrite => "lost-write",
            Self::Unseen => "unseen",
            Self::DuplicateEffect => "duplicate-effect",
            Self::Phantom => "phantom",
            Self::RejectedEffect => "rejected-effect",
            Self::UnexpectedEffect => "unexpected-effect",
            Self::UnexpectedDeadLetter => "unexpected-dead-letter",
            Self::Order => "order",
            Self::Stuck => "stuck",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|anomaly| anomaly.name() == name)
    }

    /// Under which headline it stands. An effect too many is a duplicate whatever it comes from; a dead letter in
    /// place of an effect is a loss.
    #[must_use]
    pub const fn headline(self) -> Headline {
        match self {
            Self::LostWrite | Self::Unseen | Self::UnexpectedDeadLetter => Headline::Loss,
            Self::DuplicateEffect
            | Self::Phantom
            | Self::RejectedEffect
            | Self::UnexpectedEffect => Headline::Duplicate,
            Self::Order => Headline::Order,
            Self::Stuck => Headline::Stuck,
        }
    }
}

impl fmt::Display for AnomalyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an anomaly means for the verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The run is violated.
    Violation,
    /// The sink's semantics allow it.
    Allowed,
    /// What was shown does not suffice to prove it.
    Unproven,
}

/// Those that violate an expectation.
pub(crate) fn violations(all: &[Anomaly]) -> impl Iterator<Item = &Anomaly> {
    all.iter().filter(|one| one.standing == Standing::Violation)
}

/// All cases of one anomaly in one sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Anomaly {
    pub name: AnomalyName,
    pub sink: String,
    pub standing: Standing,
    /// Distinct events; for phantoms with an id that cannot be read or was never planned: entries.
    pub count: u64,
    /// The first ones by event id.
    pub examples: Vec<Example>,
    /// Of lost events whose place is known: runs of offsets, the first ones.
    pub ranges: Vec<OffsetRange>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Example {
    pub event: EventId,
    /// Where the entry put it, when it is known: partition and offset.
    pub place: Option<Place>,
    /// Of an order anomaly: the later event of the key that came before it.
    pub after: Option<EventId>,
}

/// Where an entry topic keeps an event. The topic is that of the event's load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    pub partition: i32,
    pub offset: i64,
}

/// Lost events of a load at neighbouring offsets of a partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct OffsetRange {
    /// The load.
    pub stream: u16,
    pub partition: i32,
    pub first_offset: i64,
    pub last_offset: i64,
    pub count: u64,
}
