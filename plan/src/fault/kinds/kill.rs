use super::Row;
use crate::fault::{Act, Aims, Ending, Proof};
use crate::plan::Environment;

/// A broker's process dies: its page cache stays, what it was sending is lost.
pub const ROW: Row = Row {
    example: "leader(signups/0)",
    about: "a broker dies without notice, started again after `for` (without `for`: when the load ends)",
    evidence: "the broker refuses connections",
    limits: "its page cache survives, so nothing that it had appended is lost; see power_loss",
    provable: Proof::OF_BROKERS,
    environments: &[Environment::Embedded, Environment::Sim, Environment::Docker],
    // Most kinds move no leader, and one should move in most runs.
    weight: 3,
    ..Row::of_processes(Act::End(Ending::Kill), Aims::BROKERS)
};
