//! Checkers, thresholds and verdict over a compact operation stream.

mod anomaly;
mod health;
mod judgement;
mod metrics;
mod op;
mod spec;
pub mod threshold;

pub use anomaly::{Anomaly, AnomalyName, Example, OffsetRange, Place, Standing};
pub use health::{FaultHealth, Health, Shown, SinkHealth};
pub use judgement::{
    Headline, Judgement, Latency, LoadCounts, Reason, SinkLedger, ThresholdResult, Verdict,
};
pub use metrics::{Measured, Metrics, Summary, Trend};
pub use op::{EventId, Kind, Op};
pub use spec::{
    Expected, FaultSpan, JudgeSpec, Limits, LoadSpec, PhaseWindow, Reading, Semantics, SinkSpec,
};
pub use threshold::{MetricKey, Threshold, ThresholdError};
