use super::{ReadTarget, Row};
use crate::fault::{Act, Aims, Proof, Target, Terms};
use crate::plan::Environment;
use crate::yaml::Node;

/// What an upgrade of a cluster does. It is over when the last broker is back in sync; `for` bounds it.
pub const ROW: Row = Row {
    example: "brokers",
    about: "each broker is restarted in order (a controlled shutdown), once the one before is back and every replica in sync",
    evidence: "each broker refused connections, took them again, and every replica was in sync before the next",
    limits: "one broker at a time: the cluster never has more than one away",
    aims: Aims::ALL_BROKERS,
    read,
    draw: None,
    ordinary: false,
    provable: &[
        Proof::ProcessRestarted,
        Proof::LeaderMoved,
        Proof::IsrShrank,
    ],
    environments: &[Environment::Embedded, Environment::Docker],
    ..Row::of_processes(Act::RollBrokers, Aims::ALL_BROKERS)
};

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    Some((party(node, Aims::ALL_BROKERS)?, Terms::None))
}
