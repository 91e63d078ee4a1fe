//! What must have been shown for a verdict, from the notes of the run. What no note shows counts as not shown.

use super::survey::Survey;
use crate::faults::required_health;
use squall_check::{Health, MetricKey, Metrics, Shown, SinkHealth, Trend};
use squall_plan::Plan;

/// Metric of the samples that hold the distribution of the pacing error: label `us`, value the number of events.
pub const PACING_BUCKET: &str = "pacing_bucket";

/// Metric of the samples that tell how finely a sink was watched, in milliseconds: label `sink`.
pub const TAP_RESOLUTION: &str = "tap_resolution_ms";

/// A sink that nobody looked at for longer than this was watched by a harness without time to spare. What is lost or done
/// twice shows all the same; how long an effect took does not.
const TAP_RESOLUTION_MAX_MS: f64 = 1_000.0;

/// Keys of the health notes that a run records.
pub mod key {
    pub const STEADY_STATE: &str = "steady-state";
    pub const RATE: &str = "rate";
    pub const DRAIN: &str = "drain";
    pub const HARNESS: &str = "harness";

    /// Whether all of a sink was read.
    #[must_use]
    pub fn final_read(sink: &str) -> String {
        format!("final-read:{sink}")
    }
}

/// Gathers the health of a run.
pub fn derive(plan: &Plan, survey: &Survey) -> Health {
    let mut health = Health {
        steady_state: shown(survey, key::STEADY_STATE),
        rate: shown(survey, key::RATE),
        drain: shown(survey, key::DRAIN),
        harness: harness(plan, survey),
        recorder: recorder(survey),
        system: system(survey),
        faults: required_health(&plan.faults, &survey.fault_notes),
        sinks: plan
            .system
            .spec
            .sinks
            .iter()
            .map(|sink| sink_health(&sink.name, survey))
            .collect(),
        metrics: metrics(survey),
        ..Health::default()
    };
    if !survey.problems.is_empty() {
        let why = format!("The harness had problems: {}.", survey.problems.join("; "));
        health.others.insert(
            "problems".to_owned(),
            Shown::no(why, "See the history and the logs in the run's folder."),
        );
    }
    health
}

fn shown(survey: &Survey, key: &str) -> Shown {
    match survey.health.get(key) {
        Some((true, _)) => Shown::Yes,
        Some((false, why)) => Shown::no(why.clone(), mend(key)),
        None => Shown::Unknown,
    }
}

/// Whether the harness sent in time, and looked often enough at every sink if the time of effects is limited.
fn harness(plan: &Plan, survey: &Survey) -> Shown {
    let is_timed = |metric: &str| {
        let timed = ["effect_ms", "recovery_ms", "heal_recovery_ms"];
        timed.iter().any(|name| metric.starts_with(name))
    };
    let mut limits = plan.expect.thresholds.iter();
    watched(limits.any(|limit| is_timed(&limit.metric)), survey)
}

fn watched(effects_are_timed: bool, survey: &Survey) -> Shown {
    if !effects_are_timed {
        return shown(survey, key::HARNESS);
    }
    let (sink, ms) = survey
        .tap_resolution_ms()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .unwrap_or_default();
    if ms <= TAP_RESOLUTION_MAX_MS {
        return shown(survey, key::HARNESS);
    }
    let why = format!(
        "The harness did not look at the sink {sink} for {ms:.0} ms, allowed are {TAP_RESOLUTION_MAX_MS} ms."
    );
    Shown::no(why, mend(key::HARNESS))
}

fn mend(key: &str) -> &'static str {
    match key {
        key::STEADY_STATE => {
            "Read the services' logs in the run's folder; timing.steady sets how long the gate waits."
        }
        key::RATE => {
            "Lower load.stages[].rate to what this machine reaches, or set expect.rate lower on purpose."
        }
        key::DRAIN => "Give timing.drain more time, or find out why the consumers do not catch up.",
        key::HARNESS => "Lower the rate, or run on a machine with more to spare.",
        _ => {
            "Check the sink's path, table and id column, or topic in the system file: its effects must really live there."
        }
    }
}

fn recorder(survey: &Survey) -> Shown {
    match survey.outcome.as_deref() {
        Some("complete") if survey.bytes_dropped == 0 => Shown::Yes,
        Some("complete") => Shown::no(
            format!("The history lacks its last {} bytes.", survey.bytes_dropped),
            "Free disk space and run again.",
        ),
        Some(outcome) => Shown::no(
            format!("The run was {outcome} before its end."),
            "Let it run to its end.",
        ),
        None => Shown::no(
            "The history has no end: the run was killed.",
            "Let it run to its end.",
        ),
    }
}

fn system(survey: &Survey) -> Shown {
    if survey.unexpected_exits.is_empty() {
        return Shown::Yes;
    }
    Shown::no(
        format!(
            "A process of the system ended by itself: {}.",
            survey.unexpected_exits.join("; ")
        ),
        "Read its log in the run's folder.",
    )
}

fn sink_health(sink: &str, survey: &Survey) -> SinkHealth {
    let in_flight = survey
        .counters
        .get(&(sink.to_owned(), "in-flight".to_owned()))
        .copied();
    SinkHealth {
        final_read: shown(survey, &key::final_read(sink)),
        in_flight,
    }
}

fn metrics(survey: &Survey) -> Metrics {
    let mut metrics = Metrics::default();
    for name in ["drain_ms", "achieved_rate", "http_error_rate"] {
        if let Some(value) = survey.sample(name) {
            metrics.set_value(MetricKey::new(name), value);
        }
    }
    let pacing = pacing(survey);
    if !pacing.is_empty() {
        metrics.set_trend(MetricKey::new("pacing_ms"), pacing);
    }
    metrics
}

/// The distribution of the pacing error as it was recorded. Empty: it was not measured.
fn pacing(survey: &Survey) -> Trend {
    let mut trend = Trend::new();
    for ((metric, labels), count) in &survey.samples {
        let us = labels.get("us").and_then(|us| us.parse::<u64>().ok());
        if let Some(us) = us.filter(|_| metric == PACING_BUCKET) {
            (0..*count as u64).for_each(|_| trend.record_ns(us * 1_000));
        }
    }
    trend
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn watched_every(ms: f64, effects_are_timed: bool) -> Shown {
        let mut survey = Survey::default();
        let key = key::HARNESS.to_owned();
        survey.health.insert(key, (true, String::new()));
        for (sink, value) in [("users", 12.0), ("mailbox", ms)] {
            let labels = BTreeMap::from([("sink".to_owned(), sink.to_owned())]);
            let sample = (TAP_RESOLUTION.to_owned(), labels);
            survey.samples.insert(sample, value);
        }
        watched(effects_are_timed, &survey)
    }

    #[test]
    fn a_harness_that_did_not_look_at_a_sink_had_no_time_to_spare() {
        assert!(watched_every(900.0, true).is_shown());
        let Shown::No { why, .. } = watched_every(1_500.0, true) else {
            panic!("a second and a half is not often enough");
        };
        assert!(why.contains("mailbox for 1500 ms"), "{why}");
        assert!(
            watched_every(1_500.0, false).is_shown(),
            "what is lost shows all the same"
        );
    }

    #[test]
    fn a_harness_of_which_nothing_is_known_shows_nothing() {
        assert_eq!(watched(true, &Survey::default()), Shown::Unknown);
    }
}
