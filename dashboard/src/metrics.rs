//! The state of a run in Prometheus' text format, version 0.0.4.
//!
//! Labels are bounded by the plan: sinks, groups, the first partitions of each, services, brokers, faults and the names of anomalies; never an event, a key or
//! a process id. Units are base units, in the name.

use crate::board::{Board, FaultStage};
use squall_history::ServiceState;
use std::fmt::Write;

/// For the `Content-Type` of the answer.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the latency buckets, in seconds.
const BOUNDS_S: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Phases of a run, one series each.
const PHASES: [&str; 9] = [
    "set-up",
    "steady-state gate",
    "warm-up",
    "load",
    "heal",
    "drain",
    "final read",
    "judge",
    "tear-down",
];

/// Everything that is known of the run now.
#[must_use]
pub fn metrics(board: &Board) -> String {
    let mut text = Text::default();
    run(board, &mut text);
    events(board, &mut text);
    sinks(board, &mut text);
    latency(board, &mut text);
    cluster(board, &mut text);
    system(board, &mut text);
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn series(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.0, "{name}");
        if !labels.is_empty() {
            let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
            let labels: Vec<String> = labels.iter().map(label).collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }
}

/// A label's value: backslash, quote and line feed are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn run(board: &Board, text: &mut Text) {
    text.family("squall_run_info", "gauge", "What runs; the value is 1.");
    let seed = board.seed.to_string();
    let labels = [
        ("scenario", board.scenario.as_str()),
        ("variant", board.variant.as_deref().unwrap_or_default()),
        ("environment", &board.environment),
        ("seed", &seed),
    ];
    text.series("squall_run_info", &labels, 1);
    text.family(
        "squall_run_phase",
        "gauge",
        "1 for the phase that the run is in.",
    );
    for phase in PHASES {
        let value = u8::from(board.phase == phase);
        text.series("squall_run_phase", &[("phase", phase)], value);
    }
    let name = "squall_run_elapsed_seconds";
    text.family(name, "gauge", "Time since the start of the run.");
    text.series(name, &[], board.now_ns as f64 / 1e9);
    let name = "squall_load_planned_seconds";
    text.family(name, "gauge", "Planned length of the load.");
    text.series(name, &[], board.load_ends_ns as f64 / 1e9);
    let name = "squall_fault_active";
    text.family(name, "gauge", "1 while a fault is in force.");
    for fault in &board.faults {
        let active = u8::from(fault.stage == FaultStage::Active);
        text.series(name, &[("fault", &fault.name)], active);
    }
}

fn events(board: &Board, text: &mut Text) {
    let totals = board.totals;
    let name = "squall_events_offered_total";
    text.family(name, "counter", "Events that the load offered.");
    text.series(name, &[], totals.offered);
    let name = "squall_events_answered_total";
    text.family(name, "counter", "Events by what the system answered.");
    for (outcome, count) in [
        ("accepted", totals.accepted),
        ("rejected", totals.rejected),
        ("indeterminate", totals.indeterminate),
    ] {
        text.series(name, &[("outcome", outcome)], count);
    }
    let name = "squall_anomalies";
    text.family(
        name,
        "gauge",
        "Cases of anomalies known so far, by name and sink.",
    );
    let known = || board.anomalies.iter().filter(|one| !one.suspected);
    for anomaly in known() {
        let sink = anomaly.sink.as_ref().map_or("", |(_, name)| name.as_str());
        let labels = [("anomaly", anomaly.name.as_str()), ("sink", sink)];
        text.series(name, &labels, anomaly.count);
    }
    let name = "squall_anomaly_cases";
    text.family(name, "gauge", "Cases of all anomalies known so far.");
    text.series(name, &[], known().map(|anomaly| anomaly.count).sum::<u64>());
}

fn sinks(board: &Board, text: &mut Text) {
    type Of = fn(&crate::SinkRow) -> u64;
    let families: [(&str, &str, &str, Of); 4] = [
        (
            "squall_effects_total",
            "counter",
            "Distinct events whose effect was seen in the sink.",
            |sink| sink.effects,
        ),
        (
            "squall_duplicates_total",
            "counter",
            "Distinct events with more than one effect in the sink.",
            |sink| sink.duplicated,
        ),
        (
            "squall_dead_letters_total",
            "counter",
            "Distinct events among the dead letters of the sink.",
            |sink| sink.dead_lettered,
        ),
        (
            "squall_events_in_flight",
            "gauge",
            "Accepted events without effect or dead letter in the sink so far.",
            |sink| sink.in_flight,
        ),
    ];
    for (name, kind, help, of) in families {
        text.family(name, kind, help);
        for sink in &board.sinks {
            text.series(name, &[("sink", &sink.name)], of(sink));
        }
    }
}

fn latency(board: &Board, text: &mut Text) {
    let name = "squall_effect_latency_seconds";
    let help = "From the intended send until the first effect in the sink.";
    text.family(name, "histogram", help);
    let all = board.bins.sum(0, u64::MAX / 2).unwrap_or_default();
    for (index, sink) in board.sinks.iter().enumerate() {
        let empty = crate::Histogram::default();
        let latency = all.sinks.get(index).map_or(&empty, |sink| &sink.latency);
        let series = format!("{name}_bucket");
        for bound in BOUNDS_S {
            let count = latency.count_below(bound * 1e9);
            let bound = bound.to_string();
            text.series(&series, &[("sink", &sink.name), ("le", &bound)], count);
        }
        let count = latency.count();
        text.series(&series, &[("sink", &sink.name), ("le", "+Inf")], count);
        let sum = latency.sum_ns() / 1e9;
        text.series(&format!("{name}_sum"), &[("sink", &sink.name)], sum);
        text.series(&format!("{name}_count"), &[("sink", &sink.name)], count);
    }
}

fn cluster(board: &Board, text: &mut Text) {
    let cluster = &board.cluster;
    let partitions = cluster.partitions.values();
    let offline = partitions
        .clone()
        .filter(|row| row.leader.is_none())
        .count();
    let short = partitions.filter(|row| row.is_short()).count();
    let name = "squall_partitions_offline";
    text.family(
        name,
        "gauge",
        "Partitions without a leader, as far as the controller knows.",
    );
    text.series(name, &[], offline);
    let name = "squall_partitions_under_replicated";
    text.family(
        name,
        "gauge",
        "Partitions whose in-sync set lacks a replica.",
    );
    text.series(name, &[], short);
    let name = "squall_broker_leads_partitions";
    text.family(name, "gauge", "Partitions that the broker leads.");
    for id in cluster.brokers.keys() {
        let label = id.to_string();
        text.series(name, &[("broker", &label)], cluster.leads(*id));
    }
    let name = "squall_consumer_lag_records";
    text.family(name, "gauge", "Records that the consumer group is behind.");
    for (group, lag) in &board.lag {
        text.series(name, &[("group", group)], lag.behind);
    }
    let name = "squall_consumer_partition_lag_records";
    let help = "Records that the consumer group is behind in a partition, at most once a second.";
    text.family(name, "gauge", help);
    for (group, lag) in &board.lag {
        for ((topic, partition), behind) in &lag.partitions {
            let partition = partition.to_string();
            let labels = [
                ("group", group.as_str()),
                ("topic", topic),
                ("partition", &partition),
            ];
            text.series(name, &labels, behind);
        }
    }
}

fn system(board: &Board, text: &mut Text) {
    let name = "squall_service_ready";
    text.family(name, "gauge", "1 while the process is ready.");
    for row in &board.services {
        let replica = row.replica.to_string();
        let labels = [("service", row.name.as_str()), ("replica", &replica)];
        text.series(name, &labels, u8::from(row.state == ServiceState::Ready));
    }
    let name = "squall_service_restarts_total";
    text.family(name, "counter", "How often the process was started again.");
    for row in &board.services {
        let replica = row.replica.to_string();
        let labels = [("service", row.name.as_str()), ("replica", &replica)];
        text.series(name, &labels, row.restarts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_family_has_help_and_type_once_and_its_series_follow() {
        let text = metrics(crate::tests::feed().board());
        let mut family = String::new();
        let mut seen = BTreeSet::new();
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap().to_owned();
                assert!(seen.insert(family.clone()), "{family} twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(rest.starts_with(&family));
                *kinds.entry(family.clone()).or_default() += 1;
            } else {
                assert!(line.starts_with(&family), "{line} under {family}");
                assert!(
                    line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(),
                    "{line}"
                );
            }
        }
        assert_eq!(seen.len(), kinds.len());
        for expected in [
            "squall_events_offered_total 1401",
            "squall_events_answered_total{outcome=\"accepted\"} 1400",
            "squall_effects_total{sink=\"users\"} 1400",
            "squall_duplicates_total{sink=\"users\"} 1",
            "squall_anomalies{anomaly=\"duplicate-effect\",sink=\"users\"} 1",
            "squall_anomaly_cases 1",
            "squall_fault_active{fault=\"leader-cut-off\"} 1",
            "squall_effect_latency_seconds_bucket{sink=\"users\",le=\"0.025\"} 1001",
            "squall_effect_latency_seconds_count{sink=\"users\"} 1400",
            "squall_partitions_under_replicated 2",
            "squall_service_restarts_total{service=\"consumer-db\",replica=\"0\"} 1",
        ] {
            assert!(
                text.lines().any(|line| line == expected),
                "{expected} in\n{text}"
            );
        }
    }

    #[test]
    fn a_label_cannot_end_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
