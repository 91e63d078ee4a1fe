use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// Small pieces with pauses between them: finds readers that take one read for one message.
pub const ROW: KindRow = KindRow {
    about: "what flows from one to another arrives in small pieces",
    shape,
    read,
    ..link::row(FaultKind::Slicer, "slicer")
};

fn shape() -> Shape {
    link::one_way("slicer")
        .field("average", Shape::Size, "mean size of a piece (default 64B)")
        .field(
            "variation",
            Shape::Size,
            "most that a piece differs from it (default 0B)",
        )
        .field("by", Shape::Duration, "pause between pieces (default 0ms)")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::Slice {
        average_bytes: link::size(node, "average").unwrap_or(64),
        variation_bytes: link::size(node, "variation").unwrap_or(0),
        delay_ns: link::duration(node, "by").unwrap_or(0),
    };
    link::read(node, party, treatment)
}
