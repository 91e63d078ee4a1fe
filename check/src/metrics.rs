//! Values that thresholds are held against: trends (distributions of milliseconds) and single values.

use crate::threshold::MetricKey;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest time that a trend tells apart: one day. Longer ones count as one day.
const MICROSECONDS_MAX: u64 = 24 * 3600 * 1_000_000;

/// A distribution of times, kept to three significant digits from a microsecond up.
#[derive(Clone, Debug)]
pub struct Trend {
    histogram: Histogram<u64>,
    /// Exact, since the histogram knows its buckets only.
    sum_us: u128,
    min_us: u64,
    max_us: u64,
}

impl Default for Trend {
    fn default() -> Self {
        Self::new()
    }
}

impl Trend {
    /// # Panics
    /// Never: the bounds are constants that the histogram takes.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn new() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, MICROSECONDS_MAX, 3).expect("constant bounds"),
            sum_us: 0,
            min_us: u64::MAX,
            max_us: 0,
        }
    }

    #[inline]
    pub fn record_ns(&mut self, ns: u64) {
        let us = ns / 1_000;
        self.histogram.saturating_record(us);
        self.sum_us += u128::from(us);
        self.min_us = us.min(self.min_us);
        self.max_us = us.max(self.max_us);
    }

    pub fn merge(&mut self, other: &Self) {
        // Equal bounds never fail.
        let _ = self.histogram.add(&other.histogram);
        self.sum_us += other.sum_us;
        self.min_us = self.min_us.min(other.min_us);
        self.max_us = self.max_us.max(other.max_us);
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// Milliseconds below which the given per cent (0 to 100) of the values lie; `None` when there are none.
    #[must_use]
    pub fn percentile_ms(&self, per_cent: f64) -> Option<f64> {
        let bucket = || self.histogram.value_at_percentile(per_cent);
        // A bucket reports its upper end.
        (!self.is_empty()).then(|| ms(bucket().clamp(self.min_us, self.max_us)))
    }

    #[must_use]
    pub fn min_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| ms(self.min_us))
    }

    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| ms(self.max_us))
    }

    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum_us as f64 / self.count() as f64 / 1_000.0)
    }

    /// `None` when nothing was measured.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        Some(Summary {
            count: self.count(),
            min_ms: self.min_ms()?,
            mean_ms: self.mean_ms()?,
            p50_ms: self.percentile_ms(50.0)?,
            p90_ms: self.percentile_ms(90.0)?,
            p99_ms: self.percentile_ms(99.0)?,
            p999_ms: self.percentile_ms(99.9)?,
            max_ms: self.max_ms()?,
        })
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

/// A trend in eight numbers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub count: u64,
    pub min_ms: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

/// What was measured under one key.
#[derive(Clone, Debug)]
pub enum Measured {
    Trend(Trend),
    Value(f64),
    /// More than so much: it had not come to an end when the run did.
    Over(f64),
}

/// Metrics by key.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    by_key: BTreeMap<MetricKey, Measured>,
}

impl Metrics {
    /// Sets the value of a key such as `drain_ms` or `recovery_ms{fault:NAME}`.
    pub fn set_value(&mut self, key: MetricKey, value: f64) {
        self.by_key.insert(key, Measured::Value(value));
    }

    pub fn set_trend(&mut self, key: MetricKey, trend: Trend) {
        self.by_key.insert(key, Measured::Trend(trend));
    }

    pub fn set(&mut self, key: MetricKey, measured: Measured) {
        self.by_key.insert(key, measured);
    }

    #[must_use]
    pub fn get(&self, key: &MetricKey) -> Option<&Measured> {
        self.by_key.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&MetricKey, &Measured)> {
        self.by_key.iter()
    }

    /// Takes over what `other` has; its values win.
    pub fn extend(&mut self, other: Self) {
        self.by_key.extend(other.by_key);
    }
}
