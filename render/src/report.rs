//! `report.json`: the result of a run as one value, versioned. Every other report is drawn from it.

pub use crate::measures::{FaultMeasures, Lag, Leaderless, Measure, Stretch, Throughput, Times};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the form of `report.json`; grows when a reader of the old one would be misled.
pub const REPORT_VERSION: u32 = 1;

/// The result of one run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this form.
    pub squall_report: u32,
    pub verdict: Verdict,
    /// What kind of violation, or why nothing was proven; empty when held.
    pub headline: String,
    pub scenario: String,
    pub variant: Option<String>,
    pub description: String,
    pub seed: u64,
    /// `embedded` or `sim`.
    pub environment: String,
    /// Exit code of the run.
    pub exit: u8,
    /// Version of Squall.
    pub version: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// Of a simulation: hash over everything that happened, the same on every machine.
    pub trace: Option<String>,
    /// What ran: `embedded: Squall's Kafka model, 3 brokers`.
    pub setting: String,
    pub duration_s: f64,
    pub load: LoadSummary,
    /// Distinct events lost in at least one sink, as on the last line. An event lost in two sinks counts once here, and once in
    /// each sink's `lost`.
    pub lost: u64,
    pub faults: Vec<FaultSummary>,
    pub sinks: Vec<SinkSummary>,
    pub anomalies: Vec<Anomaly>,
    pub thresholds: Vec<Limit>,
    /// Business invariants.
    #[serde(default)]
    pub invariants: Vec<Invariant>,
    /// Why a live limit stopped the run; `None`: none did.
    #[serde(default)]
    pub stopped: Option<String>,
    /// Why nothing is proven, one sentence each; empty unless inconclusive (or violated with gaps).
    pub inconclusive: Vec<String>,
    pub harness: HarnessSummary,
    /// The command that repeats the plan.
    pub again: String,
    /// What this run does not prove.
    pub scope: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Held,
    Violated,
    Inconclusive,
}

impl LoadSummary {
    /// Whether the system was under the load that the plan says.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.offered == self.planned && self.offered > 0 && self.unsent == 0
    }

    /// Of the rejected, those that the system never saw.
    #[must_use]
    pub fn told_unsent(&self) -> String {
        match self.unsent {
            0 => String::new(),
            unsent => format!(" ({unsent} of them never sent: no free connection)"),
        }
    }
}

impl Report {
    /// `burst (acks-1)`: the scenario and its variant.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{} ({variant})", self.scenario),
            None => self.scenario.clone(),
        }
    }
}

impl Verdict {
    #[must_use]
    pub const fn shout(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Violated => "VIOLATED",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// Counts of events; `offered = accepted + rejected + indeterminate`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadSummary {
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    /// Events that the plan has.
    pub planned: u64,
    /// Share of the planned events that went out on time, 0 to 1; of those that were due, where the load was stopped.
    pub on_time: f64,
    /// Events among the rejected that found no free connection and never left: the system did not get the load that the plan says.
    #[serde(default)]
    pub unsent: u64,
    /// Difference between intended and real sending time.
    pub pacing_p999_ms: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FaultSummary {
    pub name: String,
    pub kind: String,
    pub target: String,
    pub at_ms: f64,
    pub healed_ms: Option<f64>,
    /// Whether it shows that it did something.
    pub bit: bool,
    /// Whether it had to. Faults that the seed drew may find nothing to bite.
    #[serde(default = "yes")]
    pub required: bool,
    /// What shows it.
    pub evidence: Vec<String>,
    /// Consequences that the scenario demands.
    pub demanded: Vec<Demand>,
    /// How the system fared around it. `None`: it was not judged, or the report is older.
    #[serde(default)]
    pub measures: Option<FaultMeasures>,
}

/// Reports from before there were others.
const fn yes() -> bool {
    true
}

impl FaultSummary {
    /// `None`: it found nothing to bite, and need not.
    #[must_use]
    pub fn ok(&self) -> Option<bool> {
        let met = self.demanded.iter().all(|demand| demand.met);
        match self.bit || self.required {
            true => Some(self.bit && met),
            false => None,
        }
    }

    /// What shows that it bit, in one line.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.evidence.is_empty(), self.required) {
            (false, _) => self.evidence.join("; "),
            (true, true) => "nothing shows that it bit".to_owned(),
            (true, false) => "found nothing to bite".to_owned(),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Demand {
    pub consequence: String,
    pub met: bool,
    pub detail: String,
}

/// The ledger of one sink, over distinct ids.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SinkSummary {
    pub name: String,
    /// `exactly-once`, `at-least-once` or `at-most-once`.
    pub semantics: String,
    pub ok: bool,
    /// Distinct events with an effect.
    pub effects: u64,
    /// Accepted, without effect, and not in flight.
    pub lost: u64,
    /// Events with more than one effect.
    pub duplicated: u64,
    pub dead_lettered: u64,
    /// Accepted, without effect, yet still to be handled when the run ended.
    pub in_flight: u64,
    /// Effects of events whose acceptance nobody knows: legal.
    pub indeterminate_effects: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// For example `lost-write`.
    pub name: String,
    pub sink: Option<String>,
    /// Cases in this sink, one an event.
    pub count: u64,
    /// A few of the events, at most 100.
    pub events: Vec<String>,
    /// Where they were, when known: `signups/3 offsets 4410-4446`.
    pub places: Vec<String>,
    /// One event told step by step.
    pub story: Option<Story>,
    /// The usual cause and its cure.
    pub cure: String,
}

/// What happened to one event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Story {
    pub event: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    pub at_ms: f64,
    /// One word: accepted, delivered, committed, crash, ...
    pub what: String,
    pub detail: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// Metric with its selector: `effect_ms{sink:users}`.
    pub metric: String,
    /// `p(99)<3000`.
    pub expression: String,
    /// `None`: never measured, which is not a pass.
    pub observed: Option<f64>,
    /// It is more than `observed`: it had not come to an end when the run did.
    #[serde(default)]
    pub over: bool,
    pub ok: bool,
    /// Empty when it bears on the verdict; else `warns only` or `does not count in this environment`.
    #[serde(default)]
    pub weight: String,
}

/// What was asked when the system had come to rest, and what came of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Invariant {
    pub name: String,
    /// The query, or the program with its arguments.
    pub asked: String,
    /// `None`: it could not be evaluated, which is not a pass.
    pub met: Option<bool>,
    /// What was seen, and where it is not met what was expected.
    pub observed: String,
    /// As that of a limit.
    #[serde(default)]
    pub weight: String,
}

impl Invariant {
    #[must_use]
    pub fn ok(&self) -> bool {
        self.met == Some(true)
    }

    /// `2 rows: a | b; expected no row`, `not evaluated: ...`, with what hangs on it.
    #[must_use]
    pub fn told(&self) -> String {
        let told = match self.met {
            Some(_) => self.observed.clone(),
            None => format!("not evaluated: {}", self.observed),
        };
        weighed(told, &self.weight)
    }
}

fn weighed(told: String, weight: &str) -> String {
    match weight.is_empty() {
        true => told,
        false => format!("{told} ({weight})"),
    }
}

impl Limit {
    /// `148`, `more than 148`, `never measured`, with what hangs on it.
    #[must_use]
    pub fn told(&self) -> String {
        let told = match (self.observed, self.over) {
            (None, _) => "never measured".to_owned(),
            (Some(value), false) => crate::text::number(value),
            (Some(value), true) => format!("more than {}", crate::text::number(value)),
        };
        weighed(told, &self.weight)
    }
}

/// How the harness itself fared: a saturated harness proves nothing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct HarnessSummary {
    /// CPU seconds of the harness, embedded brokers included.
    pub cpu_s: f64,
    pub memory_max_mib: f64,
    /// Time beyond the planned one, drain excepted.
    pub overhead_s: f64,
    /// How long the drain phase took, the quiet time that ends it included; the threshold `drain_ms` leaves that out.
    pub drain_s: f64,
    /// How finely each sink was watched: the longest time, in milliseconds, that nobody looked at it. Empty in the simulator,
    /// which sees every effect when it happens.
    pub tap_resolution_ms: BTreeMap<String, f64>,
    /// Rows in the history.
    pub operations: u64,
    pub notes: u64,
}
