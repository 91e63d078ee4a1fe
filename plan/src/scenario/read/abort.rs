//! `abort_if`: limits on live measures, each with the time for which it must have been crossed.

use super::Context;
use super::expect::report;
use crate::problem::Problems;
use crate::scenario::AbortLimit;
use crate::shape::did_you_mean;
use crate::units::SECOND_NS;
use crate::yaml::{Entry, Node, Value};
use squall_check::{LIVE, Threshold};

const FOR_NS: u64 = 3 * SECOND_NS;

pub(super) fn read(
    node: Option<&Node>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Vec<AbortLimit> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    entries
        .filter_map(|entry| limit(entry, context, problems))
        .collect()
}

fn limit(entry: &Entry, context: &Context<'_>, problems: &mut Problems) -> Option<AbortLimit> {
    let of = |key: &str| entry.value.get(key);
    let node = match &entry.value.value {
        Value::Map(_) => of("limit")?,
        _ => &entry.value,
    };
    let text = node.text()?;
    match Threshold::parse_live(&entry.key, text) {
        Ok(threshold) => check_tags(&threshold, entry, context, problems),
        Err(error) if error.text == entry.key => report(&error, &entry.place, 0, problems),
        Err(error) => report(&error, &node.place, 0, problems),
    }
    Some(AbortLimit {
        metric: entry.key.clone(),
        expression: text.to_owned(),
        for_ns: of("for").and_then(Node::duration).unwrap_or(FOR_NS),
    })
}

fn check_tags(
    threshold: &Threshold,
    entry: &Entry,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    debug_assert!(LIVE.iter().any(|live| live.name == threshold.key.name()));
    if !context.found {
        return;
    }
    let spec = &context.system.spec;
    let sinks: Vec<&str> = spec.sinks.iter().map(|sink| sink.name.as_str()).collect();
    let groups: Vec<&str> = spec.groups().into_iter().collect();
    for (tag, known) in [("sink", sinks), ("group", groups)] {
        let Some(value) = threshold
            .key
            .tag(tag)
            .filter(|value| !known.contains(value))
        else {
            continue;
        };
        let fix = did_you_mean(value, known.iter().copied(), &format!("{tag}s"));
        problems.at(
            &entry.place,
            format!("unknown {tag} `{value}` in a live limit"),
            fix,
        );
    }
}
