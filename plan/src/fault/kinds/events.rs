//! What the kinds that send odd events have in common.

use super::Row;
use crate::fault::{Act, Aims, Amount, Odd, Target, Terms};
use crate::nemesis::Drawing;
use crate::shape::{Object, Shape};
use crate::yaml::Node;

/// A row of a kind that sends odd events, besides the load's and past every service, onto the topic where events enter.
pub(super) const fn row(odd: Odd) -> Row {
    Row {
        example: "{ count: 20 }",
        shape,
        read: |node, _| Some((Target::Load, terms(node)?)),
        draw: Some(draw),
        // A system that takes its events in another way need not know what to do with them.
        ordinary: false,
        exclusive: false,
        ..Row::of_processes(Act::Events(odd), Aims::LOAD)
    }
}

fn shape() -> Shape {
    Object::new("odd events")
        .field(
            "count",
            Shape::Integer {
                min: 1,
                max: 1_000_000,
            },
            "how many",
        )
        .field(
            "share",
            Shape::Share,
            "how many for each that the loads offer meanwhile",
        )
        .field(
            "topic",
            Shape::Name,
            "onto which topic (default: the system's entry)",
        )
        .one_of(&["count", "share"])
        .shape()
}

fn terms(node: &Node) -> Option<Terms> {
    let share = node.get("share").and_then(Node::share);
    let amount = match node.get("count").and_then(Node::count) {
        Some(count) => Amount::Count(count.into()),
        None => Amount::PerMille(super::per_mille(share?)),
    };
    // Empty means the entry's, which the reader of faults fills in.
    let topic = node.get("topic").and_then(Node::text).unwrap_or_default();
    let topic = topic.to_owned();
    Some(Terms::Events { topic, amount })
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let topic = drawing.entry_topic()?;
    let amount = Amount::Count(drawing.between(5, 40));
    Some((Target::Load, Terms::Events { topic, amount }))
}
