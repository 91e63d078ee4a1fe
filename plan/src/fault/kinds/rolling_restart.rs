use super::{ReadTarget, Row, link};
use crate::fault::{Act, Aims, Proof, Target, Terms};
use crate::plan::Environment;
use crate::shape::{Object, Shape, text_or};
use crate::units::SECOND_NS;
use crate::yaml::Node;

/// What an upgrade of a cluster does. It is over when the last broker is back in sync; `for` bounds it.
pub const ROW: Row = Row {
    example: "{ brokers: brokers, down: 2s }",
    about: "each broker ends in order (a controlled shutdown), is down for 1s or as long as `down` says, and starts again, once the one before is back and every replica in sync; `brokers` alone, or { brokers, down }",
    evidence: "each broker refused connections, took them again, and every replica was in sync before the next",
    limits: "one broker at a time: the cluster never has more than one away",
    aims: Aims::ALL_BROKERS,
    shape,
    read,
    draw: None,
    ordinary: false,
    provable: &[
        Proof::ProcessRestarted,
        Proof::LeaderMoved,
        Proof::IsrShrank,
    ],
    environments: &[Environment::Embedded, Environment::Docker, Environment::Sim],
    ..Row::of_processes(Act::RollBrokers, Aims::ALL_BROKERS)
};

fn shape() -> Shape {
    let map = Object::new("a rolling restart")
        .required("brokers", Shape::Text, "`brokers`: all of them")
        .field(
            "down",
            Shape::Duration,
            "how long each is down before it starts again (default 1s)",
        )
        .shape();
    text_or(Shape::Text, map)
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let target = party(node.get("brokers").unwrap_or(node), Aims::ALL_BROKERS)?;
    let down_ns = link::duration(node, "down").unwrap_or(SECOND_NS);
    Some((target, Terms::Roll { down_ns }))
}
