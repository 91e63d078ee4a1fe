use super::kinds::{Aims, KindRow};
use super::{FaultKind, Proof};
use crate::plan::Environment;

/// A broker's process dies: its page cache stays, what it was sending is lost.
pub const ROW: KindRow = KindRow {
    kind: FaultKind::Kill,
    key: "kill",
    about: "a broker dies without notice, started again after `for` (without `for`: when the load ends)",
    aims: Aims {
        services: false,
        brokers: true,
    },
    lasts: true,
    provable: &[Proof::LeaderMoved, Proof::GroupRebalanced, Proof::IsrShrank],
    environments: &[Environment::Embedded, Environment::Sim],
};
