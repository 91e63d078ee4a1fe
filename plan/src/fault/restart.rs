use super::kinds::KindRow;
use super::{Aims, FaultKind, Proof};
use crate::plan::Environment;

/// What a deployment does: SIGTERM, time to end well, start again.
pub const ROW: KindRow = KindRow {
    about: "an orderly stop (SIGTERM) and an immediate start, of a service or a broker",
    lasts: false,
    provable: &[
        Proof::GroupRebalanced,
        Proof::ProcessRestarted,
        Proof::LeaderMoved,
        Proof::IsrShrank,
    ],
    environments: &[Environment::Embedded, Environment::Sim],
    ..KindRow::of_processes(FaultKind::Restart, "restart", Aims::PROCESSES)
};
