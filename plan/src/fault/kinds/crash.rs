use super::Row;
use crate::fault::{Act, Aims, Ending, Proof};

/// SIGKILL, so that nothing gets flushed, committed or closed.
pub const ROW: Row = Row {
    example: "consumer-db",
    about: "SIGKILL to a service's processes, started again after `for` (without `for`: when the load ends)",
    evidence: "the exit status of each process: ended by SIGKILL",
    limits: "the machine lives on: what the process had written to files stays",
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    ..Row::of_processes(Act::End(Ending::Kill), Aims::SERVICES)
};
