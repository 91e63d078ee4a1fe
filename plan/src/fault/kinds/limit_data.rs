use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::Drawing;
use crate::shape::Shape;
use crate::yaml::Node;

/// Connections that end in mid-message.
pub const ROW: Row = Row {
    example: "{ from: services, to: brokers, bytes: 1KiB }",
    about: "connections end after so many bytes from one to another",
    limits: "as slicer",
    shape,
    read,
    draw: Some(draw),
    environments: link::OF_BYTES,
    ..link::row()
};

fn shape() -> Shape {
    link::one_way("limit_data")
        .required("bytes", Shape::Size, "after this much, such as 1MiB")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::LimitData {
        bytes: link::size(node, "bytes")?,
    };
    link::read(node, party, treatment)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = Treatment::LimitData {
        bytes: drawing.between(100, 4_000),
    };
    link::drawn(drawing, treatment)
}
