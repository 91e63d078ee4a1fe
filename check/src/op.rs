//! The one row that checkers read: small, `Copy`, the same for every broker and every sink.

use serde::{Deserialize, Serialize};

/// Dense identity of an event: `stream << 48 | sequence`, sequences counted from 0 within a stream.
///
/// Checkers keep bitmaps over sequences, so they must be dense.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

impl EventId {
    /// Bits that hold the sequence number.
    pub const SEQUENCE_BITS: u32 = 48;

    /// An effect whose id could not be read: no event of the run.
    pub const UNREADABLE: Self = Self(u64::MAX);

    #[must_use]
    pub const fn new(stream: u16, sequence: u64) -> Self {
        Self((stream as u64) << Self::SEQUENCE_BITS | (sequence & ((1 << Self::SEQUENCE_BITS) - 1)))
    }

    #[must_use]
    pub const fn stream(self) -> u16 {
        (self.0 >> Self::SEQUENCE_BITS) as u16
    }

    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & ((1 << Self::SEQUENCE_BITS) - 1)
    }
}

/// What happened to an event. `place`, `partition` and `offset` of [`Op`] mean what the variant says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// The load offers the event; `at` is the intended time, `place` the load's index, `offset` the key's index.
    Offered = 0,
    /// The system took it; `partition` and `offset` when the entry tells them, else -1.
    Accepted = 1,
    /// Definitely not taken.
    Rejected = 2,
    /// Nobody knows: time-out, 5xx, broken connection.
    Indeterminate = 3,
    /// Seen live in sink `place`. Topic sinks give `partition` and `offset`; others a row or arrival number in `offset`.
    Effect = 4,
    /// Seen in the dead letters of sink `place`; `partition` and `offset` there.
    DeadLettered = 5,
    /// Seen in sink `place` by the final read, once per stored effect.
    Final = 6,
    /// Seen on a tapped input topic `place` (index of the topic in the plan); its `partition` and `offset` there.
    Stored = 7,
}

/// One operation. Recorded order is the order of observation, not of `at`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Op {
    /// Nanoseconds since the start of the run.
    pub at: u64,
    pub event: EventId,
    /// -1 when it does not apply.
    pub offset: i64,
    /// -1 when it does not apply.
    pub partition: i32,
    pub place: u16,
    pub kind: Kind,
}
