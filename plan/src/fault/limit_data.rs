use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// Connections that end in mid-message.
pub const ROW: KindRow = KindRow {
    about: "connections end after so many bytes from one to another",
    shape,
    read,
    ..link::row(FaultKind::LimitData, "limit_data")
};

fn shape() -> Shape {
    link::one_way("limit_data")
        .required("bytes", Shape::Size, "after this much, such as 1MiB")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let treatment = Treatment::LimitData {
        bytes: link::size(node, "bytes")?,
    };
    link::read(node, party, treatment)
}
