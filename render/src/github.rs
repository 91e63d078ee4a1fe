//! What GitHub's runners read: annotations as workflow commands.
//!
//! Source: "Workflow commands for GitHub Actions".

use crate::report::{Report, Verdict};
use std::fmt::Write;

/// Annotations at most: GitHub shows ten of a kind for a step.
const ANNOTATIONS_MAX: usize = 10;

/// One `::error` for each anomaly, each limit and invariant that was not held, and each reason for which an inconclusive run proves
/// nothing; a `::warning` for what does not bear on the verdict. `file` is the scenario's.
#[must_use]
pub fn annotations(report: &Report, file: &str) -> String {
    let mut text = String::new();
    let mut annotate = |level: &str, title: &str, message: &str| {
        let title = format!("{}: {title}", report.title());
        let _ = writeln!(
            text,
            "::{level} file={},title={}::{}",
            property(file),
            property(&title),
            data(message)
        );
    };
    for anomaly in report.anomalies.iter().take(ANNOTATIONS_MAX) {
        let sink = anomaly.sink.as_deref().unwrap_or("the run");
        let title = format!("{} x{}", anomaly.name, anomaly.count);
        let places = anomaly.places.join("; ");
        let message = format!(
            "in {sink} {places}\n{}\nagain: {}",
            anomaly.cure, report.again
        );
        annotate("error", &title, &message);
    }
    let level = |weight: &str| {
        if weight.is_empty() {
            "error"
        } else {
            "warning"
        }
    };
    let broken = report.thresholds.iter().filter(|limit| !limit.ok);
    for limit in broken.take(ANNOTATIONS_MAX) {
        let title = format!("{} {}", limit.metric, limit.expression);
        let observed = format!("observed {}", limit.told());
        annotate(level(&limit.weight), &title, &observed);
    }
    let broken = report.invariants.iter().filter(|one| !one.ok());
    for one in broken.take(ANNOTATIONS_MAX) {
        annotate(level(&one.weight), &one.name, &one.told());
    }
    let level = match report.verdict {
        Verdict::Inconclusive => "error",
        _ => "warning",
    };
    for reason in report.inconclusive.iter().take(ANNOTATIONS_MAX) {
        annotate(level, "nothing is proven", reason);
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_one_command() {
        let evil = "a\n::set-output name=x::y\r%0A,title=z";
        assert!(!data(evil).contains(['\n', '\r']));
        let property = property(evil);
        assert!(!property.contains([':', ',', '\n']), "{property}");
        assert!(property.contains("%250A"));
    }
}
