use super::{ReadTarget, Row};
use crate::fault::{Act, Aims, Proof, Target, Terms};
use crate::shape::{Object, Shape, list, map_of};
use crate::template::SYSTEM_SLOTS;
use crate::yaml::Node;

/// Another version of a service, told by its environment and planted bugs. It stays: what heals is that all are ready.
pub const ROW: Row = Row {
    example: "{ service: consumer-db, env: { BATCH: \"2\" }, bugs: [commit-before-effect] }",
    about: "each replica ends in order (SIGTERM) and starts as another version, once the one before is ready; the new version stays",
    evidence: "each process has another pid, and the kernel shows the new version's variables in its environment",
    limits: "a version is what its environment and planted bugs make of it: the binary is the same",
    shape,
    read,
    draw: None,
    ordinary: false,
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    ..Row::of_processes(Act::Deploy, Aims::SERVICES)
};

fn shape() -> Shape {
    Object::new("a rolling deploy")
        .required("service", Shape::Text, "whose replicas are replaced")
        .field(
            "env",
            map_of(Shape::Template(SYSTEM_SLOTS)),
            "environment of the new version, laid over what it has",
        )
        .field(
            "bugs",
            list(Shape::Name),
            "planted bugs of the new version, besides those that are on",
        )
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("service")?, Aims::SERVICES);
    let variables = node.get("env").map_or(&[][..], Node::entries).iter();
    let variables =
        variables.filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())));
    let bugs = node.get("bugs").map_or(&[][..], Node::items).iter();
    let bugs = bugs.filter_map(|bug| Some(bug.text()?.to_owned()));
    let terms = Terms::Deploy {
        environment: variables.collect(),
        bugs: bugs.collect(),
    };
    Some((target?, terms))
}
