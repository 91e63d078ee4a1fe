//! All that the dashboard shows at one moment. Bounded, and cheap to copy several times a second.

mod bins;
mod cluster;
mod histogram;

pub use bins::{BINS_MAX, Bin, Bins};
pub use cluster::{Broker, Cluster, PartitionRow};
pub use histogram::Histogram;

use squall_check::EventId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Board {
    pub scenario: String,
    pub variant: Option<String>,
    pub environment: String,
    pub seed: u64,
    pub phase: String,
    /// The user asked for an end, and what was begun is being brought to it.
    pub stopping: bool,
    /// Of the run's clock.
    pub now_ns: u64,
    /// Where the load clock begins on the run's clock; `None` before the load.
    pub load_zero_ns: Option<u64>,
    /// Planned, on the load clock.
    pub load_ends_ns: u64,
    pub totals: Totals,
    pub sinks: Vec<SinkRow>,
    pub bins: Bins,
    /// By consumer group.
    pub lag: BTreeMap<String, GroupLag>,
    pub cluster: Cluster,
    pub services: Vec<ServiceRow>,
    pub faults: Vec<FaultRow>,
    pub anomalies: Vec<Anomaly>,
    /// Latest notable things, newest last.
    pub events: VecDeque<Arc<Line>>,
    /// Load by hand, in percent of the plan.
    pub load_percent: u32,
    /// Once it is known: the shouted verdict and its headline.
    pub verdict: Option<(squall_render::report::Verdict, String)>,
    pub replay: Option<Replay>,
    /// What the last key came to, for the foot line.
    pub told: Option<String>,
}

/// A stored run that is shown again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Replay {
    pub speed: f64,
    pub paused: bool,
    pub ends_ns: u64,
    pub at_end: bool,
}

/// Distinct events of the loads.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
}

impl Totals {
    /// Offered, without an outcome so far.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.offered
            .saturating_sub(self.accepted + self.rejected + self.indeterminate)
    }
}

/// What a sink has, over distinct events as far as the window of the feed reaches back.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SinkRow {
    pub name: String,
    /// An event may have more than one effect here.
    pub repeats: bool,
    pub effects: u64,
    pub duplicated: u64,
    pub dead_lettered: u64,
    /// Accepted, expected here, neither effect nor dead letter so far.
    pub in_flight: u64,
    /// Effects of events whose acceptance nobody knows.
    pub unknown: u64,
    /// After the final read: accepted and not there.
    pub unseen: Option<u64>,
    /// When the oldest of those in flight was offered, run clock.
    pub oldest_ns: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct GroupLag {
    pub behind: u64,
    pub most: u64,
    /// By topic and partition, as far as it is recorded.
    pub partitions: BTreeMap<(String, i32), u64>,
    /// One a bin of [`Bins`], the latest values.
    pub over_time: Vec<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceRow {
    pub name: String,
    pub replica: u32,
    pub state: squall_history::ServiceState,
    pub pid: Option<u32>,
    /// How often it was started after the first time.
    pub restarts: u32,
    /// Since when it has been in this state, run clock.
    pub since_ns: u64,
    pub detail: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultRow {
    pub name: String,
    /// Kind and target, as planned.
    pub what: String,
    /// Load clock: planned, then as it happened.
    pub at_ns: u64,
    /// `None`: until the load ends.
    pub until_ns: Option<u64>,
    pub stage: FaultStage,
    /// The latest that was told of it.
    pub detail: String,
    pub by_hand: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultStage {
    Planned,
    Active,
    Healed,
    Failed,
}

/// Cases of one kind in one sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anomaly {
    pub name: String,
    /// Index and name.
    pub sink: Option<(usize, String)>,
    pub count: u64,
    /// The first cases.
    pub events: Vec<EventId>,
    /// When the first was known, run clock.
    pub at_ns: u64,
    /// It looks like it, and may still turn out well.
    pub suspected: bool,
}

impl Anomaly {
    /// `lost-write`, or `lost-write?` while it is suspected only.
    #[must_use]
    pub fn told(&self) -> String {
        let doubt = if self.suspected { "?" } else { "" };
        format!("{}{doubt}", self.name)
    }
}

/// One notable thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub at_ns: u64,
    pub kind: LineKind,
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineKind {
    Phase,
    Fault,
    Cluster,
    Service,
    Problem,
    Anomaly,
}

impl Board {
    /// Load clock, 0 before the load.
    #[must_use]
    pub fn load_now_ns(&self) -> u64 {
        self.load_zero_ns
            .map_or(0, |zero| self.now_ns.saturating_sub(zero))
    }
}
