use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// A broker's process dies: its page cache stays, what it was sending is lost.
pub const ROW: KindRow = KindRow {
    about: "a broker dies without notice, started again after `for` (without `for`: when the load ends)",
    provable: &[Proof::LeaderMoved, Proof::GroupRebalanced, Proof::IsrShrank],
    environments: &[Environment::Embedded, Environment::Sim],
    ..KindRow::of_processes(FaultKind::Kill, "kill", Aims::BROKERS)
};
