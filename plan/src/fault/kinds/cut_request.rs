use super::{ReadTarget, Row, frames, link};
use crate::fault::{Aims, FrameAct, Target, Terms};
use crate::nemesis::Drawing;
use crate::shape::Shape;
use crate::yaml::Node;

/// A connection that breaks at the worst moment, within a request or between two.
pub const ROW: Row = Row {
    example: "{ from: producer, to: brokers, api: Produce, after: 60B, share: 5% }",
    about: "the connection is reset after so many bytes of a request, so that the broker never has all of it",
    shape,
    read,
    draw: Some(draw),
    ..frames::row()
};

fn shape() -> Shape {
    frames::shape("a cut request")
        .field(
            "after",
            Shape::Size,
            "how much of the request passes (default 0B: none of it)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let after_bytes = link::size(node, "after").unwrap_or(0);
    frames::read(node, party, FrameAct::Cut { after_bytes })
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let after_bytes = drawing.between(0, 200);
    frames::drawn(drawing, &[], FrameAct::Cut { after_bytes })
}
