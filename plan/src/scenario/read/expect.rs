//! `expect`: what must hold.

mod invariant;
mod threshold;

pub(super) use threshold::report;

use super::Context;
use crate::fault::Fault;
use crate::plan::Environment;
use crate::problem::Problems;
use crate::scenario::{
    DeadLetters, Expect, ExpectedVerdict, LoadEntry, SinkExpectation, Stakes, pacing_default_ns,
};
use crate::shape::did_you_mean;
use crate::system::cross::known;
use crate::system::read::{semantics, texts};
use crate::units::parse_share;
use crate::yaml::Node;

const RATE_MIN: f64 = 0.99;

pub(super) fn read(
    node: Option<&Node>,
    context: &Context<'_>,
    faults: &[Fault],
    problems: &mut Problems,
) -> Expect {
    let get = |key: &str| node.and_then(|node| node.get(key));
    let share = |key: &str| {
        get(key)
            .and_then(Node::text)
            .and_then(|text| parse_share(text).ok())
    };
    let verdict = match get("verdict").and_then(Node::text) {
        Some("violated") => ExpectedVerdict::Violated,
        Some("inconclusive") => ExpectedVerdict::Inconclusive,
        _ => ExpectedVerdict::Held,
    };
    let anomalies = texts(get("anomalies"));
    if let Some(entry) = node
        .and_then(|node| node.entry("anomalies"))
        .filter(|_| !anomalies.is_empty() && verdict != ExpectedVerdict::Violated)
    {
        problems.at(
            &entry.place,
            "anomalies are expected, but not the verdict `violated`",
            "add `verdict: violated`, or leave the anomalies out",
        );
    }
    let over_http = context
        .loads
        .iter()
        .any(|load| matches!(load.entry, LoadEntry::Http { .. }));
    if let Some(limit) = get("http_error_rate").filter(|_| !over_http) {
        problems.at(
            &limit.place,
            "no load goes through HTTP, so no HTTP answer can be an error",
            "leave `http_error_rate` out",
        );
    }
    let thresholds = get("thresholds").map_or(&[][..], Node::entries);
    Expect {
        verdict,
        anomalies,
        sinks: sinks(get("sinks"), get("order"), context, problems),
        dead_letters: match get("dead_letters").and_then(Node::text) {
            Some("expected-only") => DeadLetters::ExpectedOnly,
            _ => DeadLetters::Allowed,
        },
        thresholds: thresholds
            .iter()
            .flat_map(|entry| threshold::read(entry, context, faults, problems))
            .collect(),
        invariants: get("invariants")
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|entry| invariant::read(entry, context, problems))
            .collect(),
        rate_min: share("rate").unwrap_or(RATE_MIN),
        pacing_ns: get("pacing")
            .and_then(Node::duration)
            .unwrap_or_else(pacing_default_ns),
        http_error_rate_max: share("http_error_rate"),
    }
}

/// `level` and `in` of an expectation.
fn stakes(node: &Node) -> Stakes {
    let environment = |name: &String| {
        let mut all = Environment::ALL.into_iter();
        all.find(|one| one.name() == name)
    };
    Stakes {
        warns: node.get("level").and_then(Node::text) == Some("warn"),
        only_in: texts(node.get("in"))
            .iter()
            .filter_map(environment)
            .collect(),
    }
}

fn sinks(
    written: Option<&Node>,
    order: Option<&Node>,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Vec<SinkExpectation> {
    let names = || {
        context
            .system
            .spec
            .sinks
            .iter()
            .map(|sink| sink.name.as_str())
    };
    if context.found {
        for entry in written.map_or(&[][..], Node::entries) {
            if !names().any(|name| name == entry.key) {
                problems.at(
                    &entry.place,
                    format!("unknown sink `{}`", entry.key),
                    did_you_mean(&entry.key, names(), "sinks"),
                );
            }
        }
        for name in order.map_or(&[][..], Node::items) {
            known(name, names(), "sink", problems);
        }
    }
    let ordered = texts(order);
    let promise = |name: &str| {
        written
            .and_then(|written| written.get(name))
            .and_then(Node::text)
            .and_then(semantics)
    };
    let sinks = context.system.spec.sinks.iter();
    sinks
        .map(|sink| SinkExpectation {
            sink: sink.name.clone(),
            semantics: promise(&sink.name).unwrap_or(sink.semantics),
            ordered: ordered.contains(&sink.name),
        })
        .collect()
}
