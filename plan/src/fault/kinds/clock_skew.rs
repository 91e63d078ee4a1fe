use super::{ReadTarget, Row, sink};
use crate::fault::terms::{SKEW_WAYS, skew_way};
use crate::fault::{Act, Aims, Refusal, Target, Terms};
use crate::plan::Environment;
use crate::shape::{Object, Shape};
use crate::yaml::Node;

/// A wall clock that is wrong. What is measured by it is wrong too; what waits goes by another clock.
pub const ROW: Row = Row {
    example: "{ service: producer, by: 90s, way: behind }",
    about: "the wall clock of a service's processes is ahead of everybody else's, or behind",
    evidence: "how often the processes read a wall clock that was wrong, and the last time that it told",
    limits: "time-outs and pauses go by a clock that nobody sets; processes of one machine share its clock, so only sim has one for each",
    shape,
    read,
    draw: None,
    ordinary: false,
    exclusive: false,
    environments: &[Environment::Sim],
    absent: Refusal {
        why: "processes of one machine share its clock, and Squall does not set that",
        fix: "run it with --on sim, where each process has a clock of its own",
    },
    ..Row::of_processes(Act::Skew, Aims::SERVICES)
};

fn shape() -> Shape {
    Object::new("a clock's skew")
        .required("service", Shape::Text, "whose clock")
        .required("by", Shape::Duration, "how far it is off")
        .field(
            "way",
            Shape::Choice(&SKEW_WAYS),
            "ahead (default) or behind",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("service")?, Aims::SERVICES);
    let by_ns = sink::duration(node, "by")?;
    let behind = node.get("way").and_then(Node::text) == Some(skew_way(true));
    Some((target?, Terms::Skew { by_ns, behind }))
}
