use super::{Row, disk};
use crate::fault::DiskTrouble;

/// No space left on device. A broker with one log directory, as Kafka's default has it, halts with the first append that fails.
pub const ROW: Row = Row {
    example: "leader(signups/0)",
    about: "a broker's disk is full: the first append is refused (KAFKA_STORAGE_ERROR) and the broker halts, its only log directory being gone; started again when there is room",
    evidence: "an append that found no room; then the broker refuses connections. In sim: the append",
    limits: "a broker has one log directory: with several (JBOD) a real one would live on with the others. Where nothing is appended, nothing happens",
    // As `kill`.
    weight: 2,
    ..disk::row(DiskTrouble::Full)
};
