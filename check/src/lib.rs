//! Checkers, thresholds and verdict over a compact operation stream.
//!
//! A [`Judge`] takes the [`Op`]s of a history in recorded order and ends, with the run's [`Health`], in a [`Judgement`].
//! It is online: about a byte of memory an event, and more only for what is in flight. `verdict.rs` has the decision table.

mod anomaly;
mod around;
mod check;
mod evaluate;
mod health;
mod invariant;
mod judge;
mod judgement;
mod latency;
mod metrics;
mod op;
mod reasons;
mod spec;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
pub mod threshold;
mod timeline;
mod trend;
mod verdict;
mod wording;

pub use anomaly::{Anomaly, AnomalyName, Example, OffsetRange, Place, Standing};
pub use around::{
    CONSEQUENCE_WITHIN_NS, FaultMeasures, Measure, Stretch, StretchTimes, Throughput, calm,
};
pub use check::order::{OrderCheck, Waiting as InLine};
pub use health::{FaultHealth, Health, Shown, Sign, SinkHealth};
pub use invariant::{Evaluated, InvariantResult, InvariantSpec, Weight};
pub use judge::Judge;
pub use judgement::{
    Headline, Judgement, Latency, LoadCounts, Reason, SinkLedger, ThresholdResult, Verdict,
};
pub use metrics::{Measured, Metrics, Summary, Trend};
pub use op::{EventId, Kind, Op};
pub use spec::{
    Expected, FaultSpan, JudgeSpec, Limits, LoadSpec, PhaseWindow, Reading, Semantics, SinkSpec,
};
pub use threshold::{LIVE, METRICS, MetricKey, MetricKind, Threshold, ThresholdError};
pub use wording::counted;
