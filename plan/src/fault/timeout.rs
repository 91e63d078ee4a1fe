use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// A black hole that closes in the end.
pub const ROW: KindRow = KindRow {
    about: "nothing passes from one to another, and the connection is closed after a time",
    shape,
    read,
    ..link::row(FaultKind::Timeout, "timeout")
};

fn shape() -> Shape {
    link::one_way("timeout")
        .field(
            "after",
            Shape::Duration,
            "closes connections after this long (default 0s: never)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::Timeout {
        after_ns: link::duration(node, "after").unwrap_or(0),
    };
    link::read(node, party, treatment)
}
