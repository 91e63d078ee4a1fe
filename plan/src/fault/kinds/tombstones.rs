use super::{Row, events};
use crate::fault::Odd;

/// As a producer deletes a key of a compacted topic.
pub const ROW: Row = Row {
    about: "events with a key and no value are sent beside the load: nothing may come of them",
    evidence: "events that the brokers acknowledged",
    limits: "in sim the value is empty, which a consumer cannot tell from none",
    ..events::row(Odd::Tombstone)
};
