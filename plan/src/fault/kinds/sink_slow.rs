use super::{ReadTarget, Row, sink};
use crate::fault::{Aims, SinkTrouble, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// A mail server that takes its time, a database whose writers queue behind a lock.
pub const ROW: Row = Row {
    example: "{ sink: users, by: 150ms }",
    about: "a sink takes everything, late: a mail server answers later, a database is locked for writing again and again for this long",
    evidence: "mails whose answer was held up; turns of the lock that a transaction of Squall's own met. In sim: effects that took longer",
    limits: "between two turns the database is free until somebody has written to it, for 150 ms at most",
    shape,
    read,
    draw: Some(draw),
    ..sink::row(SinkTrouble::Slow)
};

fn shape() -> Shape {
    sink::shape("a slow sink")
        .required("by", Shape::Duration, "how much later")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let by_ns = sink::duration(node, "by").unwrap_or(0);
    Some((sink::read(node, party)?, Terms::Slow { by_ns }))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let by_ns = drawing.between(20, 300) * MS;
    Some((drawing.sink()?, Terms::Slow { by_ns }))
}
