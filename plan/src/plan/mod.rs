//! The plan: everything that a run will do, derived from a scenario and a seed. Pure data.

mod arrivals;
mod derive;
mod groups;
mod odd;
mod prefix;
mod refusals;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

pub use arrivals::Arrivals;

use crate::fault::Fault;
use crate::scenario::{AbortLimit, Cluster, Expect, Load, Stage, SystemUse, Timing};
use serde::{Deserialize, Serialize};

/// Version of the plan's form, and of everything drawn from the seed.
pub const PLAN_VERSION: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub name: String,
    pub description: String,
    /// The scenario file as it was named, for the command that repeats the run.
    pub file: String,
    /// The text of that file, for whoever cuts the plan down. Empty in plans of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    pub variant: Option<String>,
    /// What was laid over the file, each `path=value`, for the command that repeats the run.
    #[serde(default)]
    pub sets: Vec<String>,
    /// The load was scaled down to about so many events, for the command that repeats the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_to: Option<u64>,
    pub seed: u64,
    pub environment: Environment,
    pub system: SystemUse,
    pub cluster: Cluster,
    /// The index is the stream of the events and the `place` of [`squall_check::Kind::Offered`].
    pub loads: Vec<PlannedLoad>,
    /// By time, each with its length filled in. Times are on the load clock, on which 0 is the first possible arrival (the warm-up's, if there is one).
    pub faults: Vec<Fault>,
    pub expect: Expect,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort_if: Vec<AbortLimit>,
    pub timing: Timing,
    /// Where the warm-up ends and the load proper begins.
    pub load_starts_ns: u64,
    /// End of the last stage of the longest load.
    pub load_ends_ns: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedLoad {
    pub load: Load,
    /// Warm-up first, if there is one.
    pub timeline: Vec<PlannedStage>,
    /// Sum over the timeline.
    pub events: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedStage {
    pub at_ns: u64,
    pub for_ns: u64,
    pub stage: Stage,
    pub events: u64,
    pub warm_up: bool,
}

impl PlannedStage {
    #[must_use]
    pub const fn ends_ns(&self) -> u64 {
        self.at_ns + self.for_ns
    }
}

/// Where a plan runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    Embedded,
    Sim,
    /// Real brokers in containers.
    Docker,
    /// A cluster that the user names, and that others may use too.
    External,
}

/// One event of the load, as the schedule gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arrival {
    /// Intended time, nanoseconds on the load clock.
    pub at_ns: u64,
    /// Dense from 0 within the load.
    pub sequence: u64,
    /// Index of the key.
    pub key: u32,
}

impl Plan {
    /// The stream of the probe events of the steady-state gate: the one after the loads'.
    #[must_use]
    pub fn probe_stream(&self) -> u16 {
        u16::try_from(self.loads.len()).unwrap_or(u16::MAX)
    }
}

impl Environment {
    pub const ALL: [Self; 4] = [Self::Embedded, Self::Sim, Self::Docker, Self::External];

    /// As `--on` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Sim => "sim",
            Self::Docker => "docker",
            Self::External => "external",
        }
    }
}
