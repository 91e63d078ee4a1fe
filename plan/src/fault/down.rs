use super::kinds::KindRow;
use super::{Aims, FaultKind, Terms, link};
use crate::shape::Shape;

/// Nobody reaches the target: its connections are cut, and new ones are refused. The target itself lives on.
pub const ROW: KindRow = KindRow {
    about: "connections to the target are cut and new ones refused, while it lives on",
    aims: Aims::BROKERS,
    shape: || Shape::Text,
    read: |node, party| Some((party(node, Aims::PARTIES)?, Terms::None)),
    ..link::row(FaultKind::Down, "down")
};
