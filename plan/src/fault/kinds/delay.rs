use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Distribution, Latency, Target, Terms, Treatment};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// Latency with jitter. Bytes keep their order, as on a TCP connection.
pub const ROW: Row = Row {
    example: "{ from: services, to: followers(signups/1), by: 9ms, jitter: 2ms, distribution: pareto }",
    about: "what flows from one to another arrives later, with jitter, in order",
    limits: "order within a connection is kept: what is drawn short still waits for what is in front of it",
    shape,
    read,
    draw: Some(draw),
    ..link::row()
};

fn shape() -> Shape {
    link::with_latency(link::one_way("a delay")).shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    link::read(node, party, Treatment::Delay(link::latency(node)))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let latency_ns = drawing.between(5, 400) * MS;
    let latency = Latency {
        latency_ns,
        jitter_ns: drawing.below(latency_ns / 2),
        distribution: Distribution::Uniform,
    };
    link::drawn(drawing, Treatment::Delay(latency))
}
