//! Log lines as JSON on standard output, metrics as Prometheus text.

use serde_json::{Map, Value};
use squall_env::{Field, LogEntry};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes whole lines, from any thread.
#[derive(Clone)]
pub(super) struct Logger(Arc<(String, String)>);

impl Logger {
    pub(super) fn new(service: &str, replica: &str) -> Self {
        Self(Arc::new((service.to_owned(), replica.to_owned())))
    }

    pub(super) fn write(&self, entry: &LogEntry<'_>) {
        if entry.level == squall_env::Level::Debug {
            return;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("unix_ms", (now.as_millis() as u64).into());
        put("level", entry.level.name().into());
        put("service", self.0.0.as_str().into());
        put("replica", self.0.1.as_str().into());
        put("message", entry.message.into());
        if let Some(id) = entry.event_id {
            put("event_id", id.into());
        }
        if let Some(traceparent) = entry.traceparent {
            put("traceparent", traceparent.into());
        }
        for (name, field) in entry.fields {
            match field {
                Field::Text(text) => put(name, (*text).into()),
                Field::Integer(number) => put(name, (*number).into()),
            };
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // A closed pipe is no reason to stop working.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

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
        let mut last = "";
        for ((name, labels), value) in self.counters.borrow().iter() {
            if *name != last {
                let _ = writeln!(text, "# TYPE {name} counter");
                last = name;
            }
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        for ((name, labels), value) in self.gauges.borrow().iter() {
            if *name != last {
                let _ = writeln!(text, "# TYPE {name} gauge");
                last = name;
            }
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        text
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
        metrics.gauge("g", &[], 0.5);
        assert_eq!(
            metrics.text(),
            "# TYPE a_total counter\na_total 1\na_total{outcome=\"x\\\"y\"} 5\n# TYPE g gauge\ng 0.5\n"
        );
    }
}
