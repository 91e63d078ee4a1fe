use super::kinds::{KindRow, ReadTarget};
use super::{Distribution, FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// Latency with jitter. Bytes keep their order, as on a TCP connection.
pub const ROW: KindRow = KindRow {
    about: "what flows from one to another arrives later, with jitter, in order",
    shape,
    read,
    ..link::row(FaultKind::Delay, "delay")
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
