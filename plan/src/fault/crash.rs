use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// SIGKILL, so that nothing gets flushed, committed or closed.
pub const ROW: KindRow = KindRow {
    about: "SIGKILL to a service's processes, started again after `for` (without `for`: when the load ends)",
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    environments: &[Environment::Embedded, Environment::Sim],
    ..KindRow::of_processes(FaultKind::Crash, "crash", Aims::SERVICES)
};
