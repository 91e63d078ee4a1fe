//! What a judge concludes: plain data for reports.

use crate::anomaly::{Anomaly, violations};
use crate::around::FaultMeasures;
use crate::invariant::{InvariantResult, Weight};
use crate::metrics::Summary;
use crate::spec::Semantics;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Held,
    Violated,
    Inconclusive,
}

/// What a violation is about, the gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Headline {
    Loss,
    Duplicate,
    Order,
    Stuck,
    /// A business invariant is broken.
    Invariant,
    /// The run was stopped because of the harm that it did.
    Harm,
    Slow,
}

/// The outcome of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Of a violation.
    pub headline: Option<Headline>,
    pub load: LoadCounts,
    /// Distinct events lost in at least one sink, also where its semantics allow that. Where something was in flight at the
    /// end: at most so many.
    pub lost: u64,
    /// In the order of the spec's sinks.
    pub sinks: Vec<SinkLedger>,
    /// What was seen, also what is legal or could not be proven; see [`Anomaly::standing`].
    pub anomalies: Vec<Anomaly>,
    pub thresholds: Vec<ThresholdResult>,
    /// In the order of the spec's invariants.
    pub invariants: Vec<InvariantResult>,
    /// The run was stopped because it did harm: a whole sentence.
    pub harm: Option<String>,
    /// Why the run proves less than it should. A violation may have some too.
    pub reasons: Vec<Reason>,
    pub latencies: Vec<Latency>,
    /// In the order of the spec's faults.
    pub faults: Vec<FaultMeasures>,
}

impl Judgement {
    /// The anomalies that violate an expectation.
    pub fn violations(&self) -> impl Iterator<Item = &Anomaly> {
        violations(&self.anomalies)
    }
}

/// Distinct events of all loads by their outcome; probes are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct LoadCounts {
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// Nobody knows whether they were taken, [`LoadCounts::unanswered`] among them.
    pub indeterminate: u64,
    /// Offered, and the history tells no outcome.
    pub unanswered: u64,
}

/// The account of one sink, over distinct events unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SinkLedger {
    pub name: String,
    pub semantics: Semantics,
    /// Accepted events that must show here, as an effect or a dead letter.
    pub due: u64,
    /// Events with at least one stored effect.
    pub effects: u64,
    /// Of those due: never seen, and not in flight.
    pub lost: u64,
    /// Events with more than one stored effect.
    pub duplicated: u64,
    /// Stored effects beyond the first of each event.
    pub surplus_effects: u64,
    pub dead_lettered: u64,
    /// Due, not seen, and perhaps still on their way.
    pub in_flight: u64,
    /// Of the indeterminate events that concern this sink: those that took effect (or were dead-lettered), and those that did not.
    pub indeterminate_effects: u64,
    pub indeterminate_without_effect: u64,
    /// Whether everything in the sink was read: if not, `lost` is a guess.
    pub final_read_complete: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThresholdResult {
    pub key: String,
    pub expression: String,
    /// `None` when it was not measured.
    pub observed: Option<f64>,
    /// It is more than `observed`: it had not come to an end when the run did.
    pub over: bool,
    /// It may be less by so much: the sink was not looked at more often.
    #[serde(default)]
    pub late_ms: f64,
    pub ok: bool,
    /// Whether what was observed decides it. If not, it is neither met nor crossed.
    pub decided: bool,
    pub weight: Weight,
}

impl ThresholdResult {
    #[must_use]
    pub const fn is_crossed(&self) -> bool {
        self.weight.counts() && self.decided && !self.ok
    }
}

/// Something that was not shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Stable name, such as `rate`, `fault:leader-cut-off`, `final-read:users`.
    pub key: String,
    /// A whole sentence.
    pub why: String,
    /// A whole sentence.
    pub mend: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Metric key, as in thresholds.
    pub key: String,
    pub summary: Summary,
}

impl Verdict {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Headline {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Order => "order",
            Self::Stuck => "stuck",
            Self::Invariant => "invariant",
            Self::Harm => "harm",
            Self::Slow => "slow",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Headline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
