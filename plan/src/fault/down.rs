use super::kinds::KindRow;
use super::{FaultKind, link};

/// Nobody reaches the target: its connections are cut, and new ones are refused. The target itself lives on.
pub const ROW: KindRow = KindRow {
    about: "connections to the target are cut and new ones refused, while it lives on",
    ..link::row(FaultKind::Down, "down")
};
