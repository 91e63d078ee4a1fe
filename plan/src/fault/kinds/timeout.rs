use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// A black hole that closes in the end.
pub const ROW: Row = Row {
    example: "{ from: services, to: brokers, after: 1s }",
    about: "nothing passes from one to another, and the connection is closed after a time",
    limits: "as slicer",
    shape,
    read,
    draw: Some(draw),
    environments: link::OF_BYTES,
    ..link::row()
};

fn shape() -> Shape {
    link::one_way("timeout")
        .field(
            "after",
            Shape::Duration,
            "closes connections after this long (default 0s: never)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::Timeout {
        after_ns: link::duration(node, "after").unwrap_or(0),
    };
    link::read(node, party, treatment)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = Treatment::Timeout {
        after_ns: drawing.between(0, 1_500) * MS,
    };
    link::drawn(drawing, treatment)
}
