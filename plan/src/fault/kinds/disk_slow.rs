use super::{ReadTarget, Row, disk, link};
use crate::fault::{Aims, DiskTrouble, Target, Terms};
use crate::nemesis::{Drawing, MS};
use crate::shape::{Object, Shape};
use crate::yaml::Node;

/// A device that others use too, a volume whose burst credits are used up, a disk about to fail.
pub const ROW: Row = Row {
    example: "{ broker: leader(signups/0), by: 150ms }",
    about: "a broker's appends wait until they are on the disk, and each write to it takes this much longer",
    evidence: "writes to the disk that began meanwhile",
    limits: "reads are as fast as ever, as from the page cache; several writes are under way at once, as on a device with a queue",
    shape,
    read,
    draw: Some(draw),
    ..disk::row(DiskTrouble::Slow)
};

fn shape() -> Shape {
    Object::new("a slow disk")
        .required("broker", Shape::Text, "whose disk")
        .required("by", Shape::Duration, "how much longer each write takes")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let by_ns = link::duration(node, "by").unwrap_or(0);
    let target = party(node.get("broker")?, Aims::PARTIES)?;
    Some((target, Terms::Slow { by_ns }))
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let by_ns = drawing.between(20, 500) * MS;
    Some((drawing.broker()?, Terms::Slow { by_ns }))
}
