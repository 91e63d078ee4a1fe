use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Distribution, Target, Terms, Treatment};
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
    link::one_way("a delay")
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
    let treatment = Treatment::Delay {
        latency_ns: link::duration(node, "by").unwrap_or(0),
        jitter_ns: link::duration(node, "jitter").unwrap_or(0),
        distribution: distribution
            .and_then(Distribution::parse)
            .unwrap_or(Distribution::Uniform),
    };
    link::read(node, party, treatment)
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let latency_ns = drawing.between(5, 400) * MS;
    let treatment = Treatment::Delay {
        latency_ns,
        jitter_ns: drawing.below(latency_ns / 2),
        distribution: Distribution::Uniform,
    };
    link::drawn(drawing, treatment)
}
