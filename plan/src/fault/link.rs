//! What the kinds that act on connections have in common.

use super::kinds::{KindRow, ReadTarget};
use super::{Aims, FaultKind, Proof, Target, Terms, Treatment};
use crate::plan::Environment;
use crate::shape::{Object, Shape, one_or_many};
use crate::yaml::Node;

/// A row of a kind that acts on connections.
pub(super) const fn row(kind: FaultKind, key: &'static str) -> KindRow {
    KindRow {
        exclusive: false,
        acts_on_connections: true,
        provable: &[Proof::LeaderMoved, Proof::GroupRebalanced, Proof::IsrShrank],
        environments: &[Environment::Embedded],
        ..KindRow::of_processes(kind, key, Aims::PARTIES)
    }
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

pub(super) fn duration(node: &Node, key: &str) -> Option<u64> {
    node.get(key).and_then(Node::duration)
}

pub(super) fn size(node: &Node, key: &str) -> Option<u64> {
    node.get(key).and_then(Node::size)
}
