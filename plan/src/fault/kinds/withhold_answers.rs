use super::{ReadTarget, Row, frames, link};
use crate::fault::{Aims, FrameAct, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// A broker that does what it is asked and falls silent. Answers of a connection come in order, so all later ones wait too.
pub const ROW: Row = Row {
    example: "{ from: consumer-db, to: coordinator(consumer-db), api: OffsetCommit, reset_after: 1s }",
    about: "an answer and all later ones of its connection never come; the connection is reset after a time, or when the fault ends",
    shape,
    read,
    draw: Some(draw),
    ..frames::row()
};

fn shape() -> Shape {
    frames::shape("withheld answers")
        .field(
            "reset_after",
            Shape::Duration,
            "when the connection is reset (default: when the fault ends)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let reset_after_ns = link::duration(node, "reset_after");
    frames::read(node, party, FrameAct::WithholdAnswers { reset_after_ns })
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let reset_after_ns = Some(drawing.between(200, 2000) * MS);
    frames::drawn(drawing, &[], FrameAct::WithholdAnswers { reset_after_ns })
}
