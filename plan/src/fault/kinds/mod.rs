//! The table of fault kinds: everything that the parser, the schema, the plan, the nemesis and the docs know about one, in
//! one row. A new kind is a file here with its `ROW`, and a line in the list below: see docs/writing-a-fault.md.

mod disk;
mod events;
mod frames;
mod link;
mod row;
mod sink;

pub(crate) use row::{ReadTarget, Row};

use super::Proof;
use crate::plan::Environment;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// Makes the module of each kind, its variant of [`FaultKind`] and its row in [`KINDS`]. Its key in scenarios is the name
/// of its file.
macro_rules! kinds {
    ($($kind:ident: $file:ident,)+) => {
        $(mod $file;)+

        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FaultKind {
            $($kind,)+
        }

        /// All kinds, in the order in which the docs show them.
        pub const KINDS: &[KindRow] = &[
            $(KindRow { kind: FaultKind::$kind, key: stringify!($file), row: $file::ROW },)+
        ];
    };
}

kinds! {
    Crash: crash,
    Stop: stop,
    Pause: pause,
    Restart: restart,
    SlowStart: slow_start,
    Kill: kill,
    PowerLoss: power_loss,
    DiskFull: disk_full,
    DiskSlow: disk_slow,
    Isolate: isolate,
    Flapping: flapping,
    Drop: drop,
    Delay: delay,
    Bandwidth: bandwidth,
    Slicer: slicer,
    SlowClose: slow_close,
    LimitData: limit_data,
    Timeout: timeout,
    Down: down,
    ResetPeer: reset_peer,
    RollingRestart: rolling_restart,
    RollingDeploy: rolling_deploy,
    Scale: scale,
    ClockSkew: clock_skew,
    SinkDown: sink_down,
    SinkSlow: sink_slow,
    SinkError: sink_error,
    DelayRequests: delay_requests,
    AnswerError: answer_error,
    LoseAnswer: lose_answer,
    CutRequest: cut_request,
    WithholdAnswers: withhold_answers,
    Poison: poison,
    Oversized: oversized,
    Tombstones: tombstones,
    Duplicates: duplicates,
}

/// A share, 0 to 1, in thousandths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn per_mille(share: f64) -> u32 {
    libm::round(share.clamp(0.0, 1.0) * 1000.0) as u32
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    pub kind: FaultKind,
    /// The key in the scenario.
    pub key: &'static str,
    row: Row,
}

impl Deref for KindRow {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.row
    }
}

impl FaultKind {
    /// The row of the kind.
    #[must_use]
    pub fn row(self) -> &'static KindRow {
        // The table has a row for each variant, in their order.
        &KINDS[self as usize]
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
        Self::UncleanElection,
    ];
    /// What a broker's trouble can cause.
    pub(crate) const OF_BROKERS: &'static [Self] = &[
        Self::LeaderMoved,
        Self::GroupRebalanced,
        Self::IsrShrank,
        Self::UncleanElection,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaderMoved => "leader-moved",
            Self::GroupRebalanced => "group-rebalanced",
            Self::IsrShrank => "isr-shrank",
            Self::ProcessRestarted => "process-restarted",
            Self::UncleanElection => "unclean-election",
        }
    }
}
