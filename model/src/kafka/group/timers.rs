//! Deadlines of groups and members, each key armed at most once.

use super::super::ids::{MemberId, Name};
use crate::Nanos;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    /// The join phase ends, whoever has come.
    Join,
    /// Members that have not synced by now are removed.
    Sync,
    /// A member was silent for its session timeout.
    Session(MemberId),
    /// A member id was given out (KIP-394) and never used.
    Pending(MemberId),
}

type Key = (Name, Due);

#[derive(Default, Debug)]
pub(super) struct Timers {
    at: BTreeMap<Key, Nanos>,
    order: BTreeSet<(Nanos, Key)>,
}

impl Timers {
    pub fn arm(&mut self, group: Name, due: Due, at: Nanos) {
        self.cancel(group, due);
        self.at.insert((group, due), at);
        self.order.insert((at, (group, due)));
    }

    pub fn cancel(&mut self, group: Name, due: Due) {
        if let Some(at) = self.at.remove(&(group, due)) {
            self.order.remove(&(at, (group, due)));
        }
    }

    pub fn next(&self) -> Option<Nanos> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is not after `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Key> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.at.remove(&key);
        Some(key)
    }
}

/// Milliseconds of a client's or the broker's setting, as a span. Negative ones count as none.
pub(super) fn span_ms(ms: i32) -> Nanos {
    Nanos::from(ms.max(0).unsigned_abs()) * 1_000_000
}
