//! The table of fault kinds: everything that the parser, the schema and the plan know about one, in one row.
//! A new kind is a new file with a row, and a line in [`KINDS`].

use super::{FaultKind, Proof, crash, kill, restart};
use crate::plan::Environment;

/// What a kind may aim at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aims {
    pub services: bool,
    pub brokers: bool,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    pub kind: FaultKind,
    /// The key in the scenario.
    pub key: &'static str,
    /// One line for the schema and the docs.
    pub about: &'static str,
    pub aims: Aims,
    /// Whether `for` makes sense.
    pub lasts: bool,
    /// Consequences that it can be asked to prove.
    pub provable: &'static [Proof],
    pub environments: &'static [Environment],
}

/// All kinds, in the order in which the docs show them.
pub const KINDS: &[KindRow] = &[crash::ROW, restart::ROW, kill::ROW];

impl FaultKind {
    /// The row of the kind.
    #[must_use]
    pub fn row(self) -> &'static KindRow {
        match self {
            Self::Crash => &crash::ROW,
            Self::Restart => &restart::ROW,
            Self::Kill => &kill::ROW,
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
