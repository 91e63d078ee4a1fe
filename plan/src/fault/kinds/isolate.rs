use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Flow, Target, Terms};
use crate::nemesis::Drawing;
use crate::shape::{Object, Shape, one_or_many, text_or};
use crate::yaml::Node;

/// A network partition: bytes between the target and others stall, both ways or one way; no connection is closed by it.
pub const ROW: Row = Row {
    example: "{ target: broker(1), from: [brokers, controller], flow: inbound }",
    about: "a network partition: nothing passes between the target and others; target, or { target, from, flow }",
    limits: "connections stay open and bytes wait, so all of them arrive when it heals, as on TCP",
    shape,
    read,
    draw: Some(draw),
    ..link::row()
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

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let flow = drawing.pick(&[Flow::Both, Flow::Both, Flow::Inbound, Flow::Outbound])?;
    let (target, from) = drawing.sides()?;
    Some((target, Terms::Apart { from, flow }))
}
