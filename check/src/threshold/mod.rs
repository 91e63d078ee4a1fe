//! Thresholds in k6's syntax: `effect_ms{sink:users}` and `p(99)<3000`.

mod error;
mod expression;
mod key;

#[cfg(test)]
mod tests;

pub use error::{ThresholdError, Unknown};
pub use expression::{Aggregate, Comparison, Expression};
pub use key::{LIVE, METRICS, MetricKey, MetricKind, Shape};

use crate::invariant::Weight;
use crate::metrics::Measured;

/// A limit on a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    pub key: MetricKey,
    pub expression: Expression,
    pub weight: Weight,
}

impl Threshold {
    /// Reads a key and an expression and checks that they fit each other.
    pub fn parse(key: &str, expression: &str) -> Result<Self, ThresholdError> {
        let key = MetricKey::parse(key)?;
        let expression = Expression::parse(expression)?;
        if let Some(metric) = key.metric() {
            expression.check_shape(metric)?;
        }
        Ok(Self {
            key,
            expression,
            weight: Weight::Counts,
        })
    }

    /// As [`Threshold::parse`], for the measures of a run under way, [`LIVE`].
    pub fn parse_live(key: &str, expression: &str) -> Result<Self, ThresholdError> {
        let key = MetricKey::parse_among(key, &LIVE)?;
        let expression = Expression::parse(expression)?;
        if let Some(metric) = LIVE.iter().find(|metric| metric.name == key.name()) {
            expression.check_shape(metric)?;
        }
        Ok(Self {
            key,
            expression,
            weight: Weight::Counts,
        })
    }

    #[must_use]
    pub const fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The value that the expression asks for; `None` when it was not measured.
    #[must_use]
    pub fn observed(&self, measured: Option<&Measured>) -> Option<f64> {
        let value = match measured? {
            Measured::Trend(trend) => self.expression.aggregate.of_trend(trend)?,
            Measured::Value(value) | Measured::Over(value) => *value,
        };
        value.is_finite().then_some(value)
    }

    #[must_use]
    pub fn is_met_by(&self, observed: f64) -> bool {
        self.expression
            .comparison
            .holds(observed, self.expression.limit)
    }
}
