use super::kinds::{KindRow, ReadTarget};
use super::{FaultKind, Target, Terms, Treatment, link};
use crate::shape::Shape;
use crate::yaml::Node;

/// One way of a connection loses its packets. TCP sends them again and again, so bytes stall and none is lost; or the
/// connection is reset.
pub const ROW: KindRow = KindRow {
    about: "what flows from one to another stalls, as TCP makes of lost packets, or resets the connection",
    shape,
    read,
    ..link::row(FaultKind::Drop, "drop")
};

fn shape() -> Shape {
    link::one_way("a drop")
        .field(
            "how",
            Shape::Choice(&["stall", "reset"]),
            "bytes wait (default), or the connection is reset when bytes flow",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let how = node.get("how").and_then(Node::text);
    let treatment = match how {
        Some("reset") => Treatment::Reset,
        _ => Treatment::Stall,
    };
    link::read(node, party, treatment)
}
