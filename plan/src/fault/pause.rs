use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// What a long collection, a swapped-out machine or a debugger does: the process lives, holds its connections and does nothing.
pub const ROW: KindRow = KindRow {
    about: "SIGSTOP to a service's processes, SIGCONT after `for`: connections stay open, and nobody answers",
    provable: &[Proof::GroupRebalanced],
    environments: &[Environment::Embedded],
    ..KindRow::of_processes(FaultKind::Pause, "pause", Aims::SERVICES)
};
