//! What a run is judged by: pure data, derived from the plan and the times at which faults really began and ended.

use crate::invariant::InvariantSpec;
use crate::threshold::Threshold;
use serde::{Deserialize, Serialize};

/// Everything a [`crate::Judge`] must know before the first op.
#[derive(Clone, Debug, Default)]
pub struct JudgeSpec {
    /// The index is the stream of the load's events.
    pub loads: Vec<LoadSpec>,
    /// Events of this stream (the steady-state gate's) are judged and counted nowhere.
    pub probe_stream: Option<u16>,
    /// The index is the `place` of effects, dead letters and final reads.
    pub sinks: Vec<SinkSpec>,
    /// Each must have its evidence in [`crate::Health::faults`].
    pub faults: Vec<FaultSpan>,
    /// Windows of the intended offer time that `phase:NAME` selects, such as before, during and after the faults.
    /// They may overlap, and a name may come more than once.
    pub phases: Vec<PhaseWindow>,
    /// Events offered earlier (the warm-up) count in every ledger and in no latency.
    pub measure_from_ns: u64,
    pub thresholds: Vec<Threshold>,
    /// Each must have been evaluated in [`crate::Health::invariants`].
    pub invariants: Vec<InvariantSpec>,
    pub limits: Limits,
}

/// One load of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadSpec {
    pub name: String,
    /// Events that the plan offers: a larger sequence was never offered, unless the history says so.
    pub events: u64,
}

/// One sink and what it promises.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SinkSpec {
    pub name: String,
    pub semantics: Semantics,
    pub reading: Reading,
    /// Effects of one key must stand in the order in which its accepted events were offered; see `order.rs`.
    pub ordered: bool,
    /// Whether an event that should have had its effect may be among the dead letters instead.
    pub dead_letters_allowed: bool,
    /// By load: what becomes of its events here. Loads beyond the end expect an effect.
    pub expects: Vec<Expected>,
}

/// What a sink promises for each accepted event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Semantics {
    /// Loss is legal, duplicates are not.
    AtMostOnce,
    /// Duplicates are legal, loss is not.
    AtLeastOnce,
    /// Exactly one stored effect.
    ExactlyOnce,
}

/// Which ops are the truth about a sink.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The final read, op by op of [`crate::Kind::Final`]: SQL, directories. Live effects give the times only.
    Reread,
    /// The live tail, op by op of [`crate::Kind::Effect`]: append-only topics.
    Tail,
}

/// What becomes of the accepted events of a load in a sink.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Its effect shows.
    #[default]
    Effect,
    /// It is among the dead letters, and has no effect.
    DeadLetter,
    /// Neither: the sink does not concern itself with it.
    Nothing,
}

/// When a fault held, as it really was: nanoseconds since the start of the run, like `at` of an op.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultSpan {
    pub name: String,
    pub from_ns: u64,
    /// When it had healed.
    pub until_ns: u64,
}

/// A stretch of intended offer times, its end excluded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhaseWindow {
    pub name: String,
    pub from_ns: u64,
    pub until_ns: u64,
}

/// Bounds of the judge's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Examples of each anomaly in each sink; counts stay exact.
    pub examples: usize,
    /// Events whose offer time, partition and offset are kept exactly while they are in flight (28 bytes each, or 32 for single stragglers). Beyond it
    /// the oldest keep only a rounded-down offer time, so that latencies come out larger, never smaller.
    pub in_flight_events: usize,
    /// Effects that may wait for the outcome of their event before the order of their key is judged, in each sink.
    pub waiting_for_order: usize,
    /// Ops that may wait for the offer of their event, in all.
    pub early_ops: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            examples: 100,
            in_flight_events: 4 << 20,
            waiting_for_order: 4 << 20,
            early_ops: 1 << 20,
        }
    }
}

impl SinkSpec {
    /// A sink where every load has its effect, dead letters are allowed and order is not judged.
    #[must_use]
    pub fn new(name: &str, semantics: Semantics, reading: Reading) -> Self {
        Self {
            name: name.to_owned(),
            semantics,
            reading,
            ordered: false,
            dead_letters_allowed: true,
            expects: Vec::new(),
        }
    }

    #[must_use]
    pub fn expected(&self, stream: u16) -> Expected {
        self.expects
            .get(usize::from(stream))
            .copied()
            .unwrap_or_default()
    }
}

impl Semantics {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::ExactlyOnce => "exactly-once",
        }
    }

    #[must_use]
    pub const fn allows_loss(self) -> bool {
        matches!(self, Self::AtMostOnce)
    }

    #[must_use]
    pub const fn allows_duplicates(self) -> bool {
        matches!(self, Self::AtLeastOnce)
    }
}
