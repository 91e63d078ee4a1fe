//! One process of a service: what it is made of and how it stands.

use super::readiness::Readiness;
use crate::environment::guard::{ExitSeen, Launch, Signal, Token};
use std::fmt;
use std::time::Duration;

/// `consumer-db/0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReplicaId {
    pub service: String,
    pub replica: u32,
}

impl ReplicaId {
    pub fn new(service: impl Into<String>, replica: u32) -> Self {
        Self {
            service: service.into(),
            replica,
        }
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.replica)
    }
}

/// All that is needed to start a replica, and to start it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaSpec {
    pub id: ReplicaId,
    /// The supervisor adds the run's marker to its environment.
    pub launch: Launch,
    pub readiness: Readiness,
    pub ready_within: Duration,
    /// Between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
}

/// How a replica stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Declared and never started.
    New,
    Running {
        pid: i32,
    },
    Paused {
        pid: i32,
    },
    /// Its leader ended, members of its group are still ending.
    Ending {
        exit: ExitSeen,
    },
    Gone {
        exit: ExitSeen,
    },
}

impl Status {
    #[must_use]
    pub const fn pid(self) -> Option<i32> {
        match self {
            Self::Running { pid } | Self::Paused { pid } => Some(pid),
            Self::New | Self::Ending { .. } | Self::Gone { .. } => None,
        }
    }
}

/// What happened to a replica. Told in the order in which it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServiceEvent {
    Started {
        pid: i32,
    },
    Ready {
        pid: i32,
        after: Duration,
    },
    Signalled {
        pid: i32,
        signal: Signal,
    },
    /// `expected`: it had been sent SIGTERM or SIGKILL, or the run was being torn down.
    Exited {
        pid: i32,
        exit: ExitSeen,
        expected: bool,
    },
}

/// Hears what happens to services, on whatever thread it is noticed; must not call the supervisor back.
pub trait Observer: Send + Sync {
    fn service(&self, replica: &ReplicaId, event: ServiceEvent);

    /// The guard died: the run can no longer promise to clean up, and must end.
    fn guard_lost(&self);
}

/// Hears nothing.
impl Observer for () {
    fn service(&self, _: &ReplicaId, _: ServiceEvent) {}
    fn guard_lost(&self) {}
}

pub(super) struct Replica {
    pub spec: ReplicaSpec,
    pub status: Status,
    /// Of the latest start.
    pub token: Option<Token>,
    pub refused: Option<String>,
    /// Its end is wanted.
    pub ending: bool,
    pub log_from: u64,
    /// Of the latest start; it may have ended since.
    pub last_pid: Option<i32>,
}
