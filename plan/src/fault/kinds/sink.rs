//! What the kinds that trouble a sink have in common.

use super::{ReadTarget, Row, link};
use crate::fault::{Act, Aims, SinkTrouble, Target};
use crate::shape::{Object, Shape};
use crate::yaml::Node;

/// A row of a kind that troubles a sink.
pub(super) const fn row(trouble: SinkTrouble) -> Row {
    Row {
        exclusive: true,
        ..Row::of_processes(Act::Trouble(trouble), Aims::SINKS)
    }
}

/// The mapping of a kind: `sink`, and the kind's own keys.
pub(super) fn shape(noun: &'static str) -> Object {
    Object::new(noun).required("sink", Shape::Text, "which sink")
}

/// The key `sink`.
pub(super) fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<Target> {
    party(node.get("sink")?, Aims::SINKS)
}

pub(super) fn duration(node: &Node, key: &str) -> Option<u64> {
    link::duration(node, key)
}
