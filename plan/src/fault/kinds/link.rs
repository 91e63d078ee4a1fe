//! What the kinds that act on connections have in common.

use super::{ReadTarget, Row};
use crate::fault::{Act, Aims, Distribution, Latency, Proof, Target, Terms, Treatment};
use crate::nemesis::Drawing;
use crate::plan::Environment;
use crate::shape::{Object, Shape, one_or_many};
use crate::yaml::Node;

/// Where kinds are that act on bytes: the simulator's links carry messages.
pub(super) const OF_BYTES: &[Environment] = &[
    Environment::Embedded,
    Environment::Docker,
    Environment::External,
];

/// A row of a kind that acts on connections.
pub(super) const fn row() -> Row {
    Row {
        evidence: "bytes, connections and messages between brokers that met it, counted where it acts",
        exclusive: false,
        acts_on_connections: true,
        provable: Proof::OF_BROKERS,
        ..Row::of_processes(Act::Treat, Aims::PARTIES)
    }
}

/// Draws who is treated, on the way to whom.
pub(super) fn drawn(drawing: &mut Drawing, treatment: Treatment) -> Option<(Target, Terms)> {
    let (from, to) = drawing.way(&treatment)?;
    let to = vec![to];
    Some((from, Terms::Link { to, treatment }))
}

/// The mapping of a kind that treats what flows one way: `from`, `to`, and the kind's own keys.
pub(super) fn one_way(noun: &'static str) -> Object {
    Object::new(noun)
        .required("from", Shape::Text, "whose bytes are treated")
        .required("to", one_or_many(Shape::Text), "on their way to whom")
}

/// `from` and `to` with a treatment.
pub(super) fn read(
    node: &Node,
    party: &mut ReadTarget<'_>,
    treatment: Treatment,
) -> Option<(Target, Terms)> {
    let from = party(node.get("from")?, Aims::PARTIES);
    let to = parties(node.get("to")?, party);
    Some((from?, Terms::Link { to: to?, treatment }))
}

/// One target, or several. `None` when one of them is wrong.
pub(super) fn parties(node: &Node, party: &mut ReadTarget<'_>) -> Option<Vec<Target>> {
    let mut one = |node: &Node| party(node, Aims::PARTIES);
    if node.text().is_some() {
        return Some(vec![one(node)?]);
    }
    // All are read before one that is wrong ends it, so that all are reported.
    let all: Vec<Option<Target>> = node.items().iter().map(&mut one).collect();
    all.into_iter().collect()
}

/// The keys of a latency: `by`, `jitter`, `distribution`.
pub(super) fn with_latency(mapping: Object) -> Object {
    mapping
        .required("by", Shape::Duration, "latency that is added")
        .field("jitter", Shape::Duration, "spread around it (default 0ms)")
        .field(
            "distribution",
            Shape::Choice(Distribution::NAMES),
            "how the jitter is spread (default uniform)",
        )
}

/// What [`with_latency`] describes.
pub(super) fn latency(node: &Node) -> Latency {
    let distribution = node.get("distribution").and_then(Node::text);
    Latency {
        latency_ns: duration(node, "by").unwrap_or(0),
        jitter_ns: duration(node, "jitter").unwrap_or(0),
        distribution: distribution
            .and_then(Distribution::parse)
            .unwrap_or(Distribution::Uniform),
    }
}

pub(super) fn duration(node: &Node, key: &str) -> Option<u64> {
    node.get(key).and_then(Node::duration)
}

pub(super) fn size(node: &Node, key: &str) -> Option<u64> {
    node.get(key).and_then(Node::size)
}
