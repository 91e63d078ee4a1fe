use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// A connection that one side has closed stays open for the other.
pub const ROW: KindRow = KindRow {
    about: "the end of a connection arrives later",
    shape,
    read,
    ..link::row(FaultKind::SlowClose, "slow_close")
};

fn shape() -> Shape {
    link::one_way("slow_close")
        .required("by", Shape::Duration, "how much later")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::SlowClose {
        delay_ns: link::duration(node, "by").unwrap_or(0),
    };
    link::read(node, party, treatment)
}
