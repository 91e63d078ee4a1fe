use super::Row;
use crate::fault::{Act, Aims, Proof};
use crate::plan::Environment;

/// What a long collection, a swapped-out machine or a debugger does: the process lives, holds its connections and does nothing.
pub const ROW: Row = Row {
    example: "producer/0",
    about: "SIGSTOP to a service's processes, SIGCONT after `for`: connections stay open, and nobody answers",
    evidence: "the kernel says of each process that it is stopped",
    provable: &[Proof::GroupRebalanced],
    environments: &[Environment::Embedded],
    ..Row::of_processes(Act::Pause, Aims::SERVICES)
};
