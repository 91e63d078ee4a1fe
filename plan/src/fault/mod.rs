//! Faults: what they are called, what they may aim at, and when.

mod crash;
mod kill;
mod kinds;
mod restart;
mod target;

pub use kinds::{Aims, KINDS, KindRow};
pub use target::TargetError;

use serde::{Deserialize, Serialize};

/// One fault of the scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub name: String,
    /// Nanoseconds on the load clock.
    pub at_ns: u64,
    /// Until it heals. `None`: it heals when the load ends. 0 for a restart.
    pub for_ns: Option<u64>,
    pub kind: FaultKind,
    pub target: Target,
    /// What it must be seen to cause, or the run is inconclusive.
    pub prove: Vec<Proof>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// SIGKILL to the processes of a service; started again when it heals.
    Crash,
    /// SIGTERM, wait, start again at once.
    Restart,
    /// A broker dies without notice; started again with its page cache when it heals.
    Kill,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// `consumer-db` (all replicas) or `consumer-db/0`.
    Service {
        service: String,
        replica: Option<u32>,
    },
    /// `broker(1)`.
    Broker(u32),
    /// `leader(signups/0)`: whoever leads when the fault begins.
    Leader { topic: String, partition: u32 },
    /// `coordinator(consumer-db)`: the broker that coordinates the group when the fault begins.
    Coordinator { group: String },
    /// `controller`: the broker that hosts the active controller when the fault begins.
    Controller,
}

/// A consequence that must be seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A partition got another leader.
    LeaderMoved,
    /// A consumer group made a new generation.
    GroupRebalanced,
    /// An in-sync set lost a member.
    IsrShrank,
    /// A process of the target has another process id than before.
    ProcessRestarted,
}
