//! Metrics in Prometheus' text format, version 0.0.4.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(super) const RESPONSES: &str = "http_responses_total";
pub(super) const STARTED: &str = "process_start_time_seconds";

/// What each metric counts or measures.
const HELP: &[(&str, &str)] = &[
    (
        "signup_requests_total",
        "Events that came in over HTTP, by what became of them.",
    ),
    (
        "signup_requests_in_flight",
        "Requests whose event the broker has not acknowledged yet.",
    ),
    (
        "signup_events_total",
        "Events received from the bus, by what became of them; retried counts attempts.",
    ),
    (
        "relay_events_total",
        "Events received from the input topic, and sent to the output topic.",
    ),
    (RESPONSES, "Answers to requests, by HTTP status."),
    (
        STARTED,
        "Start of the process, in seconds since 1970-01-01 UTC.",
    ),
];

/// Name and labels as Prometheus writes them.
type Series = (&'static str, String);

#[derive(Default)]
pub(super) struct Metrics {
    counters: RefCell<BTreeMap<Series, u64>>,
    gauges: RefCell<BTreeMap<Series, f64>>,
}

impl Metrics {
    pub(super) fn count(&self, name: &'static str, labels: &[(&'static str, &str)], by: u64) {
        *self
            .counters
            .borrow_mut()
            .entry((name, text_of(labels)))
            .or_default() += by;
    }

    pub(super) fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.gauges
            .borrow_mut()
            .insert((name, text_of(labels)), value);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        write_all(&mut text, "counter", &self.counters.borrow());
        write_all(&mut text, "gauge", &self.gauges.borrow());
        text
    }
}

fn write_all<T: Display>(text: &mut String, kind: &str, all: &BTreeMap<Series, T>) {
    let mut introduced = BTreeSet::new();
    for ((name, labels), value) in all {
        if introduced.insert(name) {
            if let Some((_, help)) = HELP.iter().find(|(known, _)| known == name) {
                let _ = writeln!(text, "# HELP {name} {help}");
            }
            let _ = writeln!(text, "# TYPE {name} {kind}");
        }
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

fn text_of(labels: &[(&'static str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_prometheus_text() {
        let metrics = Metrics::default();
        metrics.count("a_total", &[("outcome", "x\"y")], 2);
        metrics.count("a_total", &[("outcome", "x\"y")], 3);
        metrics.count("a_total", &[], 1);
        metrics.count(RESPONSES, &[("status", "201")], 1);
        metrics.gauge("g", &[], 0.5);
        assert_eq!(
            metrics.text(),
            "# TYPE a_total counter\na_total 1\na_total{outcome=\"x\\\"y\"} 5\n\
             # HELP http_responses_total Answers to requests, by HTTP status.\n\
             # TYPE http_responses_total counter\nhttp_responses_total{status=\"201\"} 1\n\
             # TYPE g gauge\ng 0.5\n"
        );
    }
}
