use super::{ReadTarget, Row, link};
use crate::fault::{Act, Aims, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::{Object, Shape, one_or_many};
use crate::units::SECOND_NS;
use crate::yaml::Node;

/// A link that comes and goes: isolated for `down`, whole for `up`, and so on.
pub const ROW: Row = Row {
    example: "{ target: services, from: broker(2), down: 300ms, up: 2s }",
    about: "a link that comes and goes: isolated for `down`, whole for `up`, in turns",
    limits: "as isolate",
    shape,
    read,
    act: Act::Flap,
    draw: Some(draw),
    ..link::row()
};

fn shape() -> Shape {
    Object::new("a flapping link")
        .required("target", Shape::Text, "who is cut off now and then")
        .field(
            "from",
            one_or_many(Shape::Text),
            "from whom (default everyone)",
        )
        .field(
            "down",
            Shape::Duration,
            "cut off for this long (default 1s)",
        )
        .field(
            "up",
            Shape::Duration,
            "then whole for this long (default 1s)",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("target")?, Aims::PARTIES);
    let from = match node.get("from") {
        Some(from) => link::parties(from, party),
        None => Some(vec![Target::Everyone]),
    };
    let terms = Terms::Flapping {
        from: from?,
        down_ns: link::duration(node, "down").unwrap_or(SECOND_NS),
        up_ns: link::duration(node, "up").unwrap_or(SECOND_NS),
    };
    Some((target?, terms))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let (target, from) = drawing.sides()?;
    let terms = Terms::Flapping {
        from,
        down_ns: drawing.between(100, 1_500) * MS,
        up_ns: drawing.between(100, 1_500) * MS,
    };
    Some((target, terms))
}
