//! What services logged about one event. Their word is no evidence, but it makes a story: log lines carry the event's id.

use squall_history::{Note, What};
use squall_render::report::Step;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read of each log, and lines taken of each.
const LOG_BYTES_MAX: u64 = 256 << 20;
const LINES_MAX: usize = 8;

/// The steps that the logs of these services in `folder` tell of `event`, in run time.
pub fn steps(folder: &Path, event: &str, services: &[String], notes: &[Note]) -> Vec<(u64, Step)> {
    let started = notes.iter().find_map(|note| match &note.what {
        What::Head(head) => head.started.parse::<jiff::Timestamp>().ok(),
        _ => None,
    });
    let (Some(started), Ok(entries)) = (started, std::fs::read_dir(folder.join("logs"))) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| services.iter().any(|service| is_of(path, service)));
    paths.sort();
    paths
        .iter()
        .flat_map(|path| of_log(path, event, started))
        .collect()
}

/// Logs are named after service and replica: `consumer-db-0.log`.
fn is_of(path: &Path, service: &str) -> bool {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    stem.strip_prefix(service)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|replica| replica.parse::<u32>().is_ok())
}

fn of_log(path: &Path, event: &str, started: jiff::Timestamp) -> Vec<(u64, Step)> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let service = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut steps = Vec::new();
    let mut lines = BufReader::new(file.take(LOG_BYTES_MAX));
    let mut line = Vec::new();
    while steps.len() < LINES_MAX
        && lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|bytes| bytes > 0)
    {
        let text = String::from_utf8_lossy(&line);
        if mentions(&text, event) {
            steps.extend(step(&text, &service, started));
        }
        line.clear();
    }
    steps
}

/// Whether the text names exactly this event, and not one whose number only begins like it.
fn mentions(text: &str, event: &str) -> bool {
    let in_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(event).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + event.len()..].chars().next();
        !before.is_some_and(in_id) && !after.is_some_and(in_id)
    })
}

/// A JSON line with a time. Other lines have no place on the time line.
fn step(line: &str, service: &str, started: jiff::Timestamp) -> Option<(u64, Step)> {
    let value: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(name)).cloned();
    let at = timestamp(&field(&["unix_ms", "time", "ts", "timestamp"])?)?;
    let message = field(&["message", "msg", "event"])?;
    let ns = u64::try_from(at.as_nanosecond() - started.as_nanosecond()).ok()?;
    let message = message.as_str()?;
    let (what, detail) = if message.contains("delivered") {
        ("delivered", "")
    } else {
        ("log", message)
    };
    let detail = format!("{service} {detail}").trim_end().to_owned();
    Some((
        ns,
        Step {
            at_ms: ns as f64 / 1e6,
            what: what.to_owned(),
            detail,
        },
    ))
}

/// RFC 3339 text, or a number of milliseconds since 1970.
fn timestamp(value: &serde_json::Value) -> Option<jiff::Timestamp> {
    match value {
        serde_json::Value::String(text) => text.parse().ok(),
        serde_json::Value::Number(number) => {
            let ms = number.as_f64()?;
            jiff::Timestamp::from_nanosecond((ms * 1e6) as i128).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_event_itself_is_found() {
        assert!(mentions(r#"{"event":"7-0-98"}"#, "7-0-98"));
        assert!(!mentions(r#"{"event":"7-0-987"}"#, "7-0-98"));
        assert!(!mentions(r#"{"event":"17-0-98"}"#, "7-0-98"));
        assert!(mentions(
            r#"{"first":"7-0-987","event":"7-0-98"}"#,
            "7-0-98"
        ));
    }
}
