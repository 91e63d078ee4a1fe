//! Whether a threshold is met, crossed, or neither.

use crate::health::Health;
use crate::judgement::ThresholdResult;
use crate::metrics::{Measured, Metrics};
use crate::spec::JudgeSpec;
use crate::threshold::{MetricKey, Threshold};
use std::collections::BTreeMap;

/// Metrics whose times end when an effect was seen.
const UNTIL_SEEN: [&str; 3] = ["effect_ms", "recovery_ms", "heal_recovery_ms"];

/// By sink, for how long nobody looked at it, at most.
pub(crate) type Resolutions = BTreeMap<String, u64>;

pub(crate) fn resolutions(spec: &JudgeSpec, health: &Health) -> Resolutions {
    let sinks = spec.sinks.iter().zip(&health.sinks);
    sinks
        .map(|(sink, health)| (sink.name.clone(), health.resolution_ms))
        .collect()
}

/// A time that ends when an effect was seen is too long by the sink's resolution at most, and never too short. So a limit
/// that it keeps is kept, and one that it misses by less than that is neither kept nor crossed.
pub(crate) fn evaluate(
    threshold: &Threshold,
    metrics: &Metrics,
    resolutions: &Resolutions,
) -> ThresholdResult {
    let measured = metrics.get(&threshold.key);
    let observed = threshold.observed(measured);
    let ok = observed.is_some_and(|observed| threshold.is_met_by(observed));
    // Of something that had not ended only so much is known that it is still more.
    let over = matches!(measured, Some(Measured::Over(_)));
    let most_agrees = !over || ok == threshold.is_met_by(f64::INFINITY);
    let late_ms = late_ms(&threshold.key, resolutions);
    let least_agrees =
        observed.is_none_or(|observed| ok == threshold.is_met_by((observed - late_ms).max(0.0)));
    let decided = observed.is_some() && most_agrees && least_agrees;
    ThresholdResult {
        key: threshold.key.to_string(),
        expression: threshold.expression.text.clone(),
        observed,
        over,
        late_ms,
        ok: ok && decided,
        decided,
        weight: threshold.weight,
    }
}

fn late_ms(key: &MetricKey, resolutions: &Resolutions) -> f64 {
    if !UNTIL_SEEN.contains(&key.name()) {
        return 0.0;
    }
    let ms = match key.tag("sink") {
        Some(sink) => resolutions.get(sink),
        None => resolutions.values().max(),
    };
    ms.copied().unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, expression: &str, observed: f64) -> ThresholdResult {
        let threshold = Threshold::parse(key, expression).unwrap();
        let mut metrics = Metrics::default();
        let mut trend = crate::Trend::new();
        trend.record_ns((observed * 1e6) as u64);
        match key.starts_with("effect_ms") {
            true => metrics.set_trend(threshold.key.clone(), trend),
            false => metrics.set_value(threshold.key.clone(), observed),
        }
        let resolutions = [("users", 50), ("mailbox", 400)];
        let resolutions = resolutions.map(|(sink, ms)| (sink.to_owned(), ms));
        evaluate(&threshold, &metrics, &Resolutions::from(resolutions))
    }

    #[test]
    fn an_upper_limit_kept_is_kept_however_rarely_somebody_looked() {
        for key in ["effect_ms", "effect_ms{sink:users}"] {
            assert!(of(key, "max<1000", 990.0).ok);
        }
        assert!(of("recovery_ms{fault:f}", "value<1000", 990.0).ok);
    }

    #[test]
    fn an_upper_limit_missed_by_less_than_the_resolution_is_undecided() {
        let near = of("effect_ms{sink:users}", "max<1000", 1_040.0);
        assert!(!near.ok && !near.decided && !near.is_crossed());
        assert!(of("effect_ms{sink:users}", "max<1000", 1_060.0).is_crossed());
        let other = of("effect_ms{sink:mailbox}", "max<1000", 1_060.0);
        assert!(!other.decided, "each sink has its own resolution");
        assert!(
            !of("effect_ms", "max<1000", 1_060.0).decided,
            "the coarsest counts without a sink"
        );
    }

    #[test]
    fn a_lower_limit_needs_to_be_kept_by_more_than_the_resolution() {
        assert!(!of("effect_ms{sink:users}", "max>1000", 1_040.0).decided);
        assert!(of("effect_ms{sink:users}", "max>1000", 1_060.0).ok);
    }

    #[test]
    fn what_no_sink_tells_is_decided_to_the_letter() {
        assert!(of("drain_ms", "value<1000", 1_001.0).is_crossed());
    }
}
