use super::Row;
use crate::fault::{Act, Aims, Ending, Proof};
use crate::plan::Environment;

/// As `kill`, and the page cache is gone too.
pub const ROW: Row = Row {
    example: "broker(1)",
    about: "a broker's machine loses power: what it had not flushed to disk is gone when it starts again after `for`",
    evidence: "the broker refuses connections",
    limits: "no torn writes: what was flushed is whole",
    provable: Proof::OF_BROKERS,
    environments: &[Environment::Embedded, Environment::Sim],
    // It takes away what was acknowledged.
    ordinary: false,
    ..Row::of_processes(Act::End(Ending::PowerLoss), Aims::BROKERS)
};
