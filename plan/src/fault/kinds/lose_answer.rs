use super::{Row, frames};
use crate::fault::FrameAct;

/// The request was done, and whoever asked does not know: what makes duplicates of a producer without idempotence.
pub const ROW: Row = Row {
    example: "{ from: producer, to: brokers, api: Produce, share: 5% }",
    about: "requests reach the broker, their answers never come, and the connection is reset",
    shape: || frames::shape("a lost answer").shape(),
    read: |node, party| frames::read(node, party, FrameAct::LoseAnswer),
    draw: Some(|drawing, _| frames::drawn(drawing, &["Produce"], FrameAct::LoseAnswer)),
    ..frames::row()
};
