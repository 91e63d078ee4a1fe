use super::{Row, events};
use crate::fault::Odd;

/// Sent past every service that would refuse them.
pub const ROW: Row = Row {
    about: "events that no consumer can read are sent beside the load: each must end in the dead letters of every sink that has some",
    evidence: "events that the brokers acknowledged",
    limits: "what is malformed is that the value is no JSON; other forms are a load of your own with `expect: dead-letter`",
    ..events::row(Odd::Poison)
};
