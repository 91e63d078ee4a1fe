use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::Drawing;
use crate::shape::Shape;
use crate::yaml::Node;

/// A slow line.
pub const ROW: Row = Row {
    example: "{ from: broker(1), to: [services], rate: 8KiB/s }",
    about: "what flows from one to another is limited to so many bytes a second",
    limits: "each connection and each link has this rate of its own",
    shape,
    read,
    draw: Some(draw),
    ..link::row()
};

fn shape() -> Shape {
    link::one_way("bandwidth")
        .required("rate", Shape::Bandwidth, "at most this, such as 64KiB/s")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::Bandwidth {
        bytes_per_s: node.get("rate").and_then(Node::bandwidth)?,
    };
    link::read(node, party, treatment)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = Treatment::Bandwidth {
        bytes_per_s: drawing.between(8, 512) << 10,
    };
    link::drawn(drawing, treatment)
}
