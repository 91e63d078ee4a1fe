//! Log lines as JSON on standard output.

use serde_json::{Map, Value};
use squall_env::{Field, Level, LogEntry};
use std::io::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes whole lines, from any thread.
#[derive(Clone)]
pub(super) struct Logger(Arc<About>);

struct About {
    service: String,
    replica: String,
    /// What is less is not written.
    least: Level,
}

impl Logger {
    pub(super) fn new(service: &str, replica: &str, least: Level) -> Self {
        Self(Arc::new(About {
            service: service.to_owned(),
            replica: replica.to_owned(),
            least,
        }))
    }

    pub(super) fn write(&self, entry: &LogEntry<'_>) {
        if entry.level < self.0.least {
            return;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("unix_ms", (now.as_millis() as u64).into());
        put("level", entry.level.name().into());
        put("service", self.0.service.as_str().into());
        put("replica", self.0.replica.as_str().into());
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
