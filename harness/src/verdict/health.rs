//! What must have been shown for a verdict, from the notes of the run. What no note shows counts as not shown.

use super::survey::Survey;
use crate::faults::required_health;
use squall_check::{Evaluated, Health, MetricKey, Metrics, Shown, SinkHealth, Trend};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use std::collections::BTreeMap;

/// Metric of the samples that hold the distribution of the pacing error: label `us`, value the number of events.
pub const PACING_BUCKET: &str = "pacing_bucket";

/// Metric of the samples that tell how finely a sink was watched, in milliseconds: label `sink`.
pub const TAP_RESOLUTION: &str = "tap_resolution_ms";

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
        harness: shown(survey, key::HARNESS),
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
        invariants: invariants(plan, survey),
        harm: survey.harm.clone(),
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

/// What became of each invariant. The simulator has neither databases nor programs.
fn invariants(plan: &Plan, survey: &Survey) -> BTreeMap<String, Evaluated> {
    let of = |name: &String| match (survey.invariants.get(name), plan.environment) {
        (Some(evaluated), _) => evaluated.clone(),
        (None, Environment::Sim) => {
            Evaluated::Failed("The simulator has no database and runs no program.".to_owned())
        }
        (None, _) => Evaluated::Unknown,
    };
    let all = plan.expect.invariants.iter();
    all.map(|invariant| (invariant.name.clone(), of(&invariant.name)))
        .collect()
}

fn shown(survey: &Survey, key: &str) -> Shown {
    match survey.health.get(key) {
        Some((true, _)) => Shown::Yes,
        Some((false, why)) => Shown::no(why.clone(), mend(key)),
        None => Shown::Unknown,
    }
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
        key::HARNESS => {
            "Lower the rate, run on a machine with more to spare, or set expect.pacing higher on purpose."
        }
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
        resolution_ms: resolution_ms(sink, survey),
    }
}

/// Rounded up: what was seen may be too late by it.
fn resolution_ms(sink: &str, survey: &Survey) -> u64 {
    let mut known = survey.tap_resolution_ms().filter(|(name, _)| *name == sink);
    known.next().map_or(0, |(_, ms)| ms.ceil() as u64)
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

    #[test]
    fn each_sink_has_the_resolution_of_its_own_taps() {
        let mut survey = Survey::default();
        for (sink, value) in [("users", 12.1), ("mailbox", 1_500.0)] {
            let labels = BTreeMap::from([("sink".to_owned(), sink.to_owned())]);
            let sample = (TAP_RESOLUTION.to_owned(), labels);
            survey.samples.insert(sample, value);
        }
        let of = |sink| sink_health(sink, &survey).resolution_ms;
        assert_eq!((of("users"), of("mailbox"), of("other")), (13, 1_500, 0));
    }

    #[test]
    fn a_harness_of_which_nothing_is_known_shows_nothing() {
        assert_eq!(shown(&Survey::default(), key::HARNESS), Shown::Unknown);
    }
}
