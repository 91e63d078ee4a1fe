use super::{ReadTarget, Row};
use crate::fault::{Act, Aims, Proof, Target, Terms};
use crate::shape::{Object, Shape};
use crate::yaml::Node;

/// More replicas, or fewer, while the load goes on; then as many as declared again.
pub const ROW: Row = Row {
    example: "{ service: consumer-db, to: 4 }",
    about: "replicas are added, each until it is ready, or taken away (SIGTERM), and the declared number is back when it heals",
    evidence: "the number of live processes of the service",
    limits: "the load goes on with the addresses that it began with, so replicas added to its entry get none of it",
    shape,
    read,
    draw: None,
    ordinary: false,
    provable: &[Proof::GroupRebalanced],
    ..Row::of_processes(Act::Scale, Aims::SERVICES)
};

fn shape() -> Shape {
    Object::new("a scale")
        .required("service", Shape::Text, "which service, all of it")
        .required(
            "to",
            Shape::Integer { min: 0, max: 100 },
            "how many replicas it has until the fault heals",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("service")?, Aims::SERVICES);
    let to = node.get("to").and_then(Node::count)?;
    Some((target?, Terms::Scale { to }))
}
