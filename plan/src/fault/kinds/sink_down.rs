use super::{Row, sink};
use crate::fault::{Aims, SinkTrouble, Terms};
use crate::shape::Shape;

/// A mail server that is away, a database that nobody can write to.
pub const ROW: Row = Row {
    example: "users",
    about: "a sink takes nothing: a mail server's connections are cut and refused, a database is locked for writing",
    evidence: "connections that were cut or refused; a transaction of Squall's own that finds the database locked. In sim: attempts that failed",
    limits: "a writer waits for the lock as long as its busy timeout allows, and readers are not kept out; a folder that nobody serves cannot be down",
    shape: || Shape::Text,
    read: |node, party| Some((party(node, Aims::SINKS)?, Terms::None)),
    draw: Some(|drawing, _| Some((drawing.sink()?, Terms::None))),
    ..sink::row(SinkTrouble::Down)
};
