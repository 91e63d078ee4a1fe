use super::{ReadTarget, Row, sink};
use crate::fault::{Aims, SinkTrouble, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// How long a database is locked at a time, unless said.
const TURN_NS: u64 = 3_000 * MS;

/// What says "not now": 451 from a mail server, 503 from one of HTTP, SQLITE_BUSY from a database.
pub const ROW: Row = Row {
    example: "{ sink: users, share: 30%, turn: 1s }",
    about: "a sink refuses a share of what it is given, for now: a mail server answers 451, an HTTP server 503, a database is locked for this share of the time",
    evidence: "mails that were answered 451, posts that were answered 503; turns of the lock that a transaction of Squall's own met. In sim: attempts that failed",
    limits: "a transaction fails only when a turn of the lock outlasts the writer's busy timeout; shorter turns make it late",
    shape,
    read,
    draw: Some(draw),
    ..sink::row(SinkTrouble::Error)
};

fn shape() -> Shape {
    sink::shape("a sink's errors")
        .required(
            "share",
            Shape::Share,
            "of the mails or posts, or of the time",
        )
        .field(
            "turn",
            Shape::Duration,
            "how long a database is locked at a time (default 3s)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let share = node.get("share").and_then(Node::share).unwrap_or(0.0);
    let terms = Terms::Errors {
        per_mille: super::per_mille(share),
        turn_ns: sink::duration(node, "turn").unwrap_or(TURN_NS),
    };
    Some((sink::read(node, party)?, terms))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let terms = Terms::Errors {
        per_mille: u32::try_from(drawing.between(100, 600)).unwrap_or(100),
        turn_ns: TURN_NS,
    };
    Some((drawing.sink()?, terms))
}
