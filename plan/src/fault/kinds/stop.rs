use super::Row;
use crate::fault::{Act, Aims, Ending, Proof};
use crate::plan::Environment;

/// An orderly end: in-flight work may finish, and the service is gone until it heals.
pub const ROW: Row = Row {
    example: "producer",
    about: "SIGTERM to a service's processes, started again after `for`",
    evidence: "each process that ran ended after SIGTERM",
    limits: "the process may finish and commit what it has in hand; crash does not let it",
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    environments: &[Environment::Embedded, Environment::Docker, Environment::Sim],
    ..Row::of_processes(Act::End(Ending::Stop), Aims::SERVICES)
};
