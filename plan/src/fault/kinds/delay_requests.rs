use super::{ReadTarget, Row, frames, link};
use crate::fault::{Aims, Distribution, FrameAct, Latency, Target, Terms};
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
    link::with_latency(frames::shape("a delay of requests")).shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    frames::read(node, party, FrameAct::Delay(link::latency(node)))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let latency = Latency {
        latency_ns: drawing.between(20, 800) * MS,
        jitter_ns: drawing.between(0, 20) * MS,
        distribution: Distribution::Uniform,
    };
    frames::drawn(drawing, &[], FrameAct::Delay(latency))
}
