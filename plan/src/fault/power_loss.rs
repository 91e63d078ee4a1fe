use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// As `kill`, and the page cache is gone too.
pub const ROW: KindRow = KindRow {
    about: "a broker's machine loses power: what it had not flushed to disk is gone when it starts again after `for`",
    provable: &[Proof::LeaderMoved, Proof::GroupRebalanced, Proof::IsrShrank],
    environments: &[Environment::Embedded],
    ..KindRow::of_processes(FaultKind::PowerLoss, "power_loss", Aims::BROKERS)
};
