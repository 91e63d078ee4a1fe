use super::{ReadTarget, Row, link};
use crate::fault::{Aims, Target, Terms, Treatment};
use crate::nemesis::{Drawing, MS};
use crate::shape::Shape;
use crate::yaml::Node;

/// Small pieces with pauses between them: finds readers that take one read for one message.
pub const ROW: Row = Row {
    example: "{ from: broker(1), to: services, average: 3B, variation: 1B, by: 1ms }",
    about: "what flows from one to another arrives in small pieces",
    limits: "for connections of clients alone: links between embedded brokers carry messages",
    shape,
    read,
    draw: Some(draw),
    ..link::row()
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

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let treatment = Treatment::Slice {
        average_bytes: drawing.between(16, 256),
        variation_bytes: 8,
        // Without a pause the pieces leave at once, and nothing shows.
        delay_ns: drawing.between(1, 2) * MS,
    };
    // On the way to one broker there may be nothing to slice; on the way to all of them there is.
    if drawing.one_in(2) {
        return link::drawn(drawing, treatment);
    }
    let to = vec![Target::Brokers];
    Some((drawing.service()?, Terms::Link { to, treatment }))
}
