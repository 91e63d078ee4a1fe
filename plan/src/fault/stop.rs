use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// An orderly end: in-flight work may finish, and the service is gone until it heals.
pub const ROW: KindRow = KindRow {
    about: "SIGTERM to a service's processes, started again after `for`",
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    environments: &[Environment::Embedded],
    ..KindRow::of_processes(FaultKind::Stop, "stop", Aims::SERVICES)
};
