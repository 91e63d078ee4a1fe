//! What a load says of itself when it has ended.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An event that went out later than this after its intended time was not on time.
pub const ON_TIME_NS: u64 = 10_000_000;

/// The end of a load.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LoadReport {
    pub load: String,
    pub stream: u16,
    /// Events of the plan.
    pub planned: u64,
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    /// Dispatched within [`ON_TIME_NS`] of the intended time; `late` are the others.
    pub on_time: u64,
    pub late: u64,
    /// First byte out more than [`ON_TIME_NS`] after the intended time, or never: the system, or too few connections,
    /// kept events waiting. Topic entries: as `late`.
    pub sent_late: u64,
    /// Dispatch time less intended time: what the harness itself adds.
    pub pacing: Spread,
    /// The whole distribution behind `pacing`: microseconds (rounded up) and events.
    pub pacing_us: Vec<(u64, u64)>,
    /// Time of the first byte out less intended time: waiting for a free connection included. Topic entries: as `pacing`.
    pub sending: Spread,
    pub stages: Vec<StageReport>,
    /// HTTP status to answers.
    pub statuses: BTreeMap<u16, u64>,
    /// Why events were rejected or are indeterminate, HTTP statuses apart.
    pub causes: BTreeMap<String, u64>,
    /// Second copies that were acknowledged, of a load that sends each event twice.
    pub copies: u64,
    /// Offered and without outcome at the same time.
    pub in_flight_max: u64,
    /// The load was stopped before its plan was through.
    pub stopped: bool,
    /// What makes the report doubtful; empty in a sound run.
    pub problems: Vec<String>,
}

/// Quantiles of a latency in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    pub count: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
}

/// One stage of the plan as it went.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StageReport {
    /// On the load clock.
    pub at_ns: u64,
    pub for_ns: u64,
    pub warm_up: bool,
    pub planned: u64,
    pub offered: u64,
    pub on_time: u64,
    /// When its last event went out, on the load clock.
    pub last_out_ns: u64,
    /// Events per second over the stage, or over the time until its last event went out when that is longer.
    /// 0 for bursts, which have no length.
    pub achieved_per_s: f64,
}

/// How many of a histogram's values are above [`ON_TIME_NS`].
pub(crate) fn late_count(histogram: &Histogram<u64>) -> u64 {
    histogram.len() - histogram.count_between(0, ON_TIME_NS)
}

impl Spread {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        }
    }
}

/// A histogram of nanoseconds up to an hour with three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    let bounded = Histogram::new_with_bounds(1, 3_600_000_000_000, 3);
    // These bounds are sound, so the growing one is never made.
    bounded.unwrap_or_else(|_| {
        Histogram::<u64>::new(3).unwrap_or_else(|_| unreachable!("three digits are allowed"))
    })
}

/// The recorded values of a histogram of nanoseconds, in microseconds.
pub(crate) fn buckets_us(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    for value in histogram.iter_recorded() {
        let us = value.value_iterated_to().div_ceil(1_000);
        match buckets.last_mut() {
            Some((last, count)) if *last == us => *count += value.count_at_value(),
            _ => buckets.push((us, value.count_at_value())),
        }
    }
    buckets
}
