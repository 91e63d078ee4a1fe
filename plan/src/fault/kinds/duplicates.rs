use super::{Row, events};
use crate::fault::Odd;

/// As a producer without idempotence sends again what was taken.
pub const ROW: Row = Row {
    about: "events are sent beside the load, each twice with one id: each must have one effect where exactly once is promised",
    evidence: "second copies that the brokers acknowledged",
    limits: "the copies follow each other at once; a crash brings those that are further apart",
    ..events::row(Odd::Duplicate)
};
