use super::{Row, link};
use crate::fault::{Act, Aims, Terms};
use crate::shape::Shape;

/// Nobody reaches the target: its connections are cut, and new ones are refused. The target itself lives on.
pub const ROW: Row = Row {
    example: "broker(1)",
    about: "connections to the target are cut and new ones refused, while it lives on",
    evidence: "connections that were cut or refused",
    limits: "brokers still reach each other: isolate cuts their links; a sink must be one that Squall serves",
    aims: Aims::BROKERS_AND_SINKS,
    shape: || Shape::Text,
    read: |node, party| Some((party(node, Aims::PARTIES)?, Terms::None)),
    draw: Some(|drawing, _| Some((drawing.broker()?, Terms::None))),
    act: Act::Close,
    ..link::row()
};
