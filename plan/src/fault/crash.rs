use super::kinds::{Aims, KindRow};
use super::{FaultKind, Proof};
use crate::plan::Environment;

/// SIGKILL, so that nothing gets flushed, committed or closed.
pub const ROW: KindRow = KindRow {
    kind: FaultKind::Crash,
    key: "crash",
    about: "SIGKILL to a service's processes, started again after `for` (without `for`: when the load ends)",
    aims: Aims {
        services: true,
        brokers: false,
    },
    lasts: true,
    provable: &[Proof::GroupRebalanced, Proof::ProcessRestarted],
    environments: &[Environment::Embedded, Environment::Sim],
};
