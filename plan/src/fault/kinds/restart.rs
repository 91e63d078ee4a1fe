use super::Row;
use crate::fault::{Act, Aims, Ending, Proof};

/// What a deployment does: SIGTERM, time to end well, start again.
pub const ROW: Row = Row {
    example: "consumer-db",
    about: "an orderly stop (SIGTERM) and an immediate start, of a service or a broker",
    evidence: "each process ended after SIGTERM; a broker refused connections",
    lasts: false,
    provable: &[
        Proof::GroupRebalanced,
        Proof::ProcessRestarted,
        Proof::LeaderMoved,
        Proof::IsrShrank,
    ],
    ..Row::of_processes(Act::End(Ending::Stop), Aims::PROCESSES)
};
