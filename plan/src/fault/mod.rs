//! Faults: what they are called, what they may aim at, and when.

mod act;
mod aims;
mod consequence;
mod in_containers;
mod in_embedded;
mod in_sim;
mod kinds;
mod odd;
mod of_others;
pub mod spread;
mod target;
mod terms;
pub(crate) mod ways;

pub use act::{Act, DiskTrouble, Ending, SinkTrouble};
pub use aims::Aims;
pub use consequence::{Consequences, Happening};
pub(crate) use in_containers::refused_links;
pub use kinds::{FaultKind, KINDS, KindRow};
pub use odd::{Odd, OddSent};
pub(crate) use of_others::refused_settings;
pub use target::TargetError;
pub(crate) use terms::skew_way;
pub use terms::{Amount, Distribution, Flow, FrameAct, KafkaError, Latency, Terms, Treatment};

use crate::plan::Environment;
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
    /// What the kind needs beyond its target.
    #[serde(default)]
    pub terms: Terms,
    /// What it must be seen to cause, or the run is inconclusive.
    pub prove: Vec<Proof>,
    /// Drawn from the seed and not written: it may find nothing to bite.
    #[serde(default)]
    pub drawn: bool,
}

/// What to do about what an environment lacks.
pub(crate) const ELSEWHERE: &str = "run it with --on embedded";

/// Why an environment cannot inject a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub why: &'static str,
    /// What to do instead.
    pub fix: &'static str,
}

impl Fault {
    /// `None`: the environment can inject it.
    #[must_use]
    pub fn refused_in(&self, environment: Environment) -> Option<Refusal> {
        let elsewhere = |why| Refusal {
            why,
            fix: ELSEWHERE,
        };
        let refused = match environment {
            Environment::Docker => in_containers::refusal(self).map(elsewhere),
            Environment::External => of_others::refusal(self).map(elsewhere),
            Environment::Embedded => in_embedded::refusal(self),
            Environment::Sim => in_sim::refusal(self),
        };
        let is_there = self.kind.injectable_in(environment);
        refused.or_else(|| (!is_there).then_some(self.kind.row().absent))
    }
}

#[cfg(test)]
impl Fault {
    /// From the beginning of the load to its end.
    fn of(kind: FaultKind, target: Target, terms: Terms) -> Self {
        Self {
            name: "it".to_owned(),
            at_ns: 0,
            for_ns: None,
            kind,
            target,
            terms,
            prove: Vec::new(),
            drawn: false,
        }
    }
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
    /// `controller`: the active controller when the fault begins.
    Controller,
    /// `brokers`: all of them. Beside another target: all others.
    Brokers,
    /// `followers(signups/0)`: the replicas that do not lead when the fault begins.
    Followers { topic: String, partition: u32 },
    /// `services`: every process of the system.
    Services,
    /// `load`: the harness's own producers.
    Load,
    /// `everyone`: all of the above.
    Everyone,
    /// `sink(users)`: the place where the effects of a sink are kept.
    Sink(String),
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
    /// A replica that was not in sync was elected: what it did not have is gone.
    UncleanElection,
}
