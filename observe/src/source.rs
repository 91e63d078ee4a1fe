//! The seam between a tap's thread and the kinds of stores.

use crate::effects::Effects;
use crate::error::TapError;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A store that effects are read from. Lives on the tap's thread.
pub(crate) trait Source: Send {
    /// Reads what is new, and waits a little where there is nothing.
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError>;

    /// Reads all there is, once the system has come to rest.
    fn final_read(
        &mut self,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<FinalRead, TapError>;

    /// How long the last look may have waited for news that it would tell at once: that much of a look makes no time less exact.
    fn attentive(&self) -> Duration;
}

/// How a look at the store ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Polled {
    Read,
    /// The store is not there yet.
    NotThere(String),
}

/// What the final read found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FinalRead {
    /// Stored effects. Topics: all records read, live ones included.
    pub effects: u64,
    /// Those without an id of this run.
    pub foreign: u64,
    /// Topics only: partition to the end that was read up to.
    pub ends: BTreeMap<i32, i64>,
    /// What makes the read doubtful, such as a log that was truncated under the tap; empty in a sound run.
    pub problems: Vec<String>,
}

impl FinalRead {
    /// So many effects, of those that were pushed, and nothing doubtful.
    pub(crate) fn of(count: u64, effects: &Effects) -> Self {
        Self {
            effects: count,
            foreign: effects.foreign_count(),
            ..Self::default()
        }
    }
}
