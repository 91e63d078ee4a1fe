//! `thresholds`: read by squall-check, its complaints put at their place in the file.

use super::Context;
use crate::fault::Fault;
use crate::problem::Problems;
use crate::scenario::Threshold;
use crate::shape::{did_you_mean, nearest};
use crate::yaml::{Entry, Node, Place, Value};
use squall_check::threshold::{Expression, MetricKey, ThresholdError};

/// Stretches of a run that `phase:` selects; they are told apart by its faults.
const PHASES: [&str; 3] = ["before", "during", "after"];

pub(super) fn read(
    entry: &Entry,
    context: &Context<'_>,
    faults: &[Fault],
    problems: &mut Problems,
) -> Vec<Threshold> {
    let key = MetricKey::parse(&entry.key);
    match &key {
        Ok(key) => check_tags(key, entry, context, faults, problems),
        Err(error) => report(error, &entry.place, 0, problems),
    }
    let expressions = match &entry.value.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let mut thresholds = Vec::new();
    for written in expressions {
        let node = written.get("limit").unwrap_or(written);
        let Some(text) = node.text() else { continue };
        // With a bad key the expression is still read for what can be said of it alone.
        let read = match &key {
            Ok(_) => squall_check::Threshold::parse(&entry.key, text).map(drop),
            Err(_) => Expression::parse(text).map(drop),
        };
        if let Err(error) = read {
            report(&error, &node.place, quote(node), problems);
        }
        thresholds.push(Threshold {
            metric: entry.key.clone(),
            expression: text.to_owned(),
            stakes: super::stakes(written),
        });
    }
    thresholds
}

/// Columns that the opening quote takes.
fn quote(node: &Node) -> usize {
    usize::from(matches!(node.value, Value::Scalar { plain: false, .. }))
}

pub(in crate::scenario::read) fn report(
    error: &ThresholdError,
    place: &Place,
    quote: usize,
    problems: &mut Problems,
) {
    let mut place = place.clone();
    if place.line > 0 {
        let before = error
            .text
            .get(..error.column.saturating_sub(1))
            .unwrap_or_default();
        place.column += quote + before.chars().count();
    }
    let near = error
        .unknown
        .as_ref()
        .and_then(|unknown| nearest(&unknown.word, unknown.known.iter().copied()));
    let fix = near.map_or_else(
        || error.mend.clone(),
        |near| format!("did you mean `{near}`?"),
    );
    problems.at(&place, format!("threshold: {}", error.what), fix);
}

/// Every sink, fault and phase that is selected must be there.
fn check_tags(
    key: &MetricKey,
    entry: &Entry,
    context: &Context<'_>,
    faults: &[Fault],
    problems: &mut Problems,
) {
    if !context.found {
        return;
    }
    let sinks: Vec<&str> = context
        .system
        .spec
        .sinks
        .iter()
        .map(|sink| sink.name.as_str())
        .collect();
    let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
    let services = context.system.spec.services.iter();
    let groups: Vec<&str> = services
        .filter_map(|service| service.group.as_deref())
        .collect();
    for (tag, known) in [
        ("sink", sinks.as_slice()),
        ("group", groups.as_slice()),
        ("fault", names.as_slice()),
        ("phase", PHASES.as_slice()),
    ] {
        let Some(value) = key.tag(tag) else { continue };
        if !known.contains(&value) {
            let fix = did_you_mean(value, known.iter().copied(), &format!("{tag}s"));
            problems.at(
                &entry.place,
                format!("unknown {tag} `{value}` in a threshold"),
                fix,
            );
        } else if tag == "phase" && faults.is_empty() {
            let fix = "add a fault, or leave the phase out";
            problems.at(
                &entry.place,
                "phases are told apart by faults, and there is none",
                fix,
            );
        }
    }
}
