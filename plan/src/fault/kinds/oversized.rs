use super::{Row, events};
use crate::fault::Odd;

/// Refused by the broker, not by the client.
pub const ROW: Row = Row {
    example: "{ share: 2% }",
    about: "events larger than max.message.bytes are sent beside the load: each must be rejected, and have no effect",
    evidence: "events that the brokers refused as too large",
    limits: "the client that sends them would send more, so it is the broker that says no",
    ..events::row(Odd::Oversized)
};
