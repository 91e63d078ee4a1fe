use super::kinds::{KindRow, ReadTarget};
use super::{Aims, FaultKind, Flow, Target, Terms, link};
use crate::shape::{Object, Shape, one_or_many, text_or};
use crate::yaml::Node;

/// A network partition: bytes between the target and others stall, both ways or one way; no connection is closed by it.
pub const ROW: KindRow = KindRow {
    about: "a network partition: nothing passes between the target and others; target, or { target, from, flow }",
    shape,
    read,
    ..link::row(FaultKind::Isolate, "isolate")
};

fn shape() -> Shape {
    let map = Object::new("an isolation")
        .required("target", Shape::Text, "who is cut off")
        .field(
            "from",
            one_or_many(Shape::Text),
            "from whom (default everyone)",
        )
        .field(
            "flow",
            Shape::Choice(Flow::NAMES),
            "which way nothing passes, seen from the target (default both)",
        )
        .shape();
    text_or(Shape::Text, map)
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("target").unwrap_or(node), Aims::PARTIES);
    let from = match node.get("from") {
        Some(from) => link::parties(from, party),
        None => Some(vec![Target::Everyone]),
    };
    let flow = node.get("flow").and_then(Node::text);
    let terms = Terms::Apart {
        from: from?,
        flow: flow.and_then(Flow::parse).unwrap_or(Flow::Both),
    };
    Some((target?, terms))
}
