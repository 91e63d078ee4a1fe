use super::Row;
use crate::fault::{Act, Aims, Proof};

/// What a long collection, a swapped-out machine or a debugger does: the process lives, holds its connections and does nothing.
pub const ROW: Row = Row {
    example: "producer/0",
    about: "a service's processes (SIGSTOP, then SIGCONT) or a broker stop in mid-step: connections stay open, and nobody answers",
    evidence: "the kernel says of each process that it is stopped; a broker takes a connection and answers nothing on it until it goes on",
    limits: "a paused broker comes back with all that waited, as after a long collection; kill is what a crash does",
    provable: Proof::OF_BROKERS,
    ..Row::of_processes(Act::Pause, Aims::PROCESSES)
};
