use super::Row;
use crate::fault::{Act, Aims, Proof};

/// A cold start: a large image, a runtime that warms up, a cache that has to be filled before the first request.
pub const ROW: Row = Row {
    example: "consumer-db",
    about: "a service's processes end in order (SIGTERM) and start again, and do not get going before `for` is over",
    evidence: "the new processes, of which the kernel says that they are stopped since their start",
    limits: "what takes time is the beginning: from then on a process is as fast as ever",
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    ..Row::of_processes(Act::SlowStart, Aims::SERVICES)
};
