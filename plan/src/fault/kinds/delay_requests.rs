use super::{ReadTarget, Row, frames, link};
use crate::fault::{Aims, Distribution, FrameAct, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// A broker that is slow at one kind of request: heartbeats that come too late, commits that take their time.
pub const ROW: Row = Row {
    example: "{ from: consumer-db, to: brokers, api: Heartbeat, by: 2s, jitter: 500ms, distribution: normal }",
    about: "requests of these APIs, and all behind them on their connection, arrive later",
    shape,
    read,
    draw: Some(draw),
    ..frames::row()
};

fn shape() -> Shape {
    frames::shape("a delay of requests")
        .required("by", Shape::Duration, "latency that is added")
        .field("jitter", Shape::Duration, "spread around it (default 0ms)")
        .field(
            "distribution",
            Shape::Choice(Distribution::NAMES),
            "how the jitter is spread (default uniform)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let distribution = node.get("distribution").and_then(Node::text);
    let act = FrameAct::Delay {
        latency_ns: link::duration(node, "by").unwrap_or(0),
        jitter_ns: link::duration(node, "jitter").unwrap_or(0),
        distribution: distribution
            .and_then(Distribution::parse)
            .unwrap_or(Distribution::Uniform),
    };
    frames::read(node, party, act)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let act = FrameAct::Delay {
        latency_ns: drawing.between(20, 800) * MS,
        jitter_ns: drawing.between(0, 20) * MS,
        distribution: Distribution::Uniform,
    };
    frames::drawn(drawing, &[], act)
}
