use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::Drawing;
use crate::shape::Shape;
use crate::yaml::Node;

/// One way of a connection loses its packets. TCP sends them again and again, so bytes stall and none is lost; or the
/// connection is reset.
pub const ROW: Row = Row {
    example: "{ from: coordinator(consumer-db), to: consumer-db, how: reset }",
    about: "what flows from one to another stalls, as TCP makes of lost packets, or resets the connection",
    limits: "TCP sends lost packets again: `stall` makes bytes late, `reset` breaks the connection, and neither loses a byte in the middle of one",
    shape,
    read,
    draw: Some(draw),
    ..link::row()
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

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = match drawing.one_in(2) {
        true => Treatment::Stall,
        false => Treatment::Reset,
    };
    link::drawn(drawing, treatment)
}
