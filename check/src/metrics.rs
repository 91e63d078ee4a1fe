//! Values that thresholds are held against: trends (distributions of milliseconds) and single values.

pub use crate::trend::Trend;

use crate::threshold::MetricKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
