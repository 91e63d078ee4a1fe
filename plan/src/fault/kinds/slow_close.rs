use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// A connection that one side has closed stays open for the other.
pub const ROW: Row = Row {
    example: "{ from: broker(1), to: services, by: 1s }",
    about: "the end of a connection arrives later",
    limits: "as slicer; bites only when a connection ends meanwhile",
    shape,
    read,
    draw: Some(draw),
    // It needs a connection that ends just then.
    ordinary: false,
    environments: link::OF_BYTES,
    ..link::row()
};

fn shape() -> Shape {
    link::one_way("slow_close")
        .required("by", Shape::Duration, "how much later")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::SlowClose {
        delay_ns: link::duration(node, "by").unwrap_or(0),
    };
    link::read(node, party, treatment)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = Treatment::SlowClose {
        delay_ns: drawing.between(100, 2_000) * MS,
    };
    link::drawn(drawing, treatment)
}
