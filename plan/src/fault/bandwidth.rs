use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// A slow line.
pub const ROW: KindRow = KindRow {
    about: "what flows from one to another is limited to so many bytes a second",
    shape,
    read,
    ..link::row(FaultKind::Bandwidth, "bandwidth")
};

fn shape() -> Shape {
    link::one_way("bandwidth")
        .required("rate", Shape::Bandwidth, "at most this, such as 64KiB/s")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::Bandwidth {
        bytes_per_s: node.get("rate").and_then(Node::bandwidth)?,
    };
    link::read(node, party, treatment)
}
