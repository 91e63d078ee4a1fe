//! The table of fault kinds: everything that the parser, the schema and the plan know about one, in one row.
//! A new kind is a new file with a row, and a line in [`KINDS`].

use super::{Aims, FaultKind, Proof, Target, Terms};
use super::{
    bandwidth, delay, down, drop, flapping, isolate, limit_data, slicer, slow_close, timeout,
};
use super::{crash, kill, pause, power_loss, restart, stop};
use crate::plan::Environment;
use crate::shape::Shape;
use crate::yaml::Node;

/// Reads one target that must fit the aims; reports what is wrong with it.
pub(crate) type ReadTarget<'a> = dyn FnMut(&Node, Aims) -> Option<Target> + 'a;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    pub kind: FaultKind,
    /// The key in the scenario.
    pub key: &'static str,
    /// One line for the schema and the docs.
    pub about: &'static str,
    pub aims: Aims,
    /// What may stand after the key.
    pub(crate) shape: fn() -> Shape,
    /// Target and terms of what stands after the key.
    pub(crate) read: fn(&Node, &mut ReadTarget<'_>) -> Option<(Target, Terms)>,
    /// Whether `for` makes sense.
    pub lasts: bool,
    /// Whether it takes its target away, so that no other such fault can have it meanwhile.
    pub exclusive: bool,
    /// Whether it acts on connections, and not on processes.
    pub acts_on_connections: bool,
    /// Consequences that it can be asked to prove.
    pub provable: &'static [Proof],
    pub environments: &'static [Environment],
}

impl KindRow {
    /// A row of a kind that takes processes away: after the key stands the target alone.
    pub(crate) const fn of_processes(kind: FaultKind, key: &'static str, aims: Aims) -> Self {
        Self {
            kind,
            key,
            about: "",
            aims,
            shape: || Shape::Text,
            read: read_target,
            lasts: true,
            exclusive: true,
            acts_on_connections: false,
            provable: &[],
            environments: &[Environment::Embedded],
        }
    }
}

fn read_target(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    // Whether it fits is said against the row's own aims, by the reader of faults.
    Some((party(node, Aims::PARTIES)?, Terms::None))
}

/// All kinds, in the order in which the docs show them.
pub const KINDS: &[KindRow] = &[
    crash::ROW,
    stop::ROW,
    pause::ROW,
    restart::ROW,
    kill::ROW,
    power_loss::ROW,
    isolate::ROW,
    flapping::ROW,
    drop::ROW,
    delay::ROW,
    bandwidth::ROW,
    slicer::ROW,
    slow_close::ROW,
    limit_data::ROW,
    timeout::ROW,
    down::ROW,
];

impl FaultKind {
    /// The row of the kind.
    #[must_use]
    pub fn row(self) -> &'static KindRow {
        match self {
            Self::Crash => &crash::ROW,
            Self::Stop => &stop::ROW,
            Self::Pause => &pause::ROW,
            Self::Restart => &restart::ROW,
            Self::Kill => &kill::ROW,
            Self::PowerLoss => &power_loss::ROW,
            Self::Isolate => &isolate::ROW,
            Self::Flapping => &flapping::ROW,
            Self::Drop => &drop::ROW,
            Self::Delay => &delay::ROW,
            Self::Bandwidth => &bandwidth::ROW,
            Self::Slicer => &slicer::ROW,
            Self::SlowClose => &slow_close::ROW,
            Self::LimitData => &limit_data::ROW,
            Self::Timeout => &timeout::ROW,
            Self::Down => &down::ROW,
        }
    }

    /// The key in the scenario.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().key
    }

    #[must_use]
    pub fn injectable_in(self, environment: Environment) -> bool {
        self.row().environments.contains(&environment)
    }
}

impl Proof {
    pub const ALL: &'static [Self] = &[
        Self::LeaderMoved,
        Self::GroupRebalanced,
        Self::IsrShrank,
        Self::ProcessRestarted,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaderMoved => "leader-moved",
            Self::GroupRebalanced => "group-rebalanced",
            Self::IsrShrank => "isr-shrank",
            Self::ProcessRestarted => "process-restarted",
        }
    }
}
