use super::kinds::{Aims, KindRow};
use super::{FaultKind, Proof};
use crate::plan::Environment;

/// What a deployment does: SIGTERM, time to end well, start again.
pub const ROW: KindRow = KindRow {
    kind: FaultKind::Restart,
    key: "restart",
    about: "an orderly stop (SIGTERM) and an immediate start, of a service or a broker",
    aims: Aims {
        services: true,
        brokers: true,
    },
    lasts: false,
    provable: &[
        Proof::GroupRebalanced,
        Proof::ProcessRestarted,
        Proof::LeaderMoved,
        Proof::IsrShrank,
    ],
    environments: &[Environment::Embedded, Environment::Sim],
};
