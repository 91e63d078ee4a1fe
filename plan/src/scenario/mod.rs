//! What a scenario file says, typed and checked: every reference in it resolves, every quantity has its unit.
//!
//! Times are nanoseconds on the load clock: 0 is when the first stage of the load begins.

mod document;
mod draft;
mod file;
mod files;
mod jitter;
mod read;
mod scale;
mod stakes;
pub mod written;

pub use document::document;
pub use draft::Draft;
pub use file::{Request, from_text, load};
pub use files::{Disk, Files, read_bounded};
pub use stakes::{AbortLimit, INVARIANT_ROWS_MAX, Invariant, InvariantCheck, Stakes};

/// What an accepted event must come to in a sink.
pub use squall_check::Expected as Outcome;

use crate::fault::{Fault, Odd};
use crate::nemesis::Nemesis;
use crate::system::{IdPlace, Semantics, ServiceSpec, SystemSpec, TopicSpec};
use crate::template::{SYSTEM_SLOTS, Template};
use crate::units::Rate;
use crate::yaml::{Node, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Scenario {
    pub name: String,
    pub description: String,
    /// The file as it was named.
    pub file: String,
    /// Its tree, with what the request lays over it.
    #[serde(skip)]
    pub(crate) tree: Arc<Node>,
    /// Its text, so that a plan can be cut down and written again.
    pub text: String,
    /// The variant that was chosen, if any.
    pub variant: Option<String>,
    /// What was laid over the file, each `path=value`, as given.
    pub sets: Vec<String>,
    /// Names of all variants of the file.
    pub variants: Vec<String>,
    pub system: SystemUse,
    pub cluster: Cluster,
    /// The index of a load is its stream.
    pub loads: Vec<Load>,
    /// Sorted by time, then by file order.
    pub faults: Vec<Fault>,
    /// Which entry of the file's list each of them is.
    pub fault_places: Vec<usize>,
    /// Faults that the seed draws.
    pub nemesis: Option<Nemesis>,
    pub expect: Expect,
    /// What stops the run.
    pub abort_if: Vec<AbortLimit>,
    pub timing: Timing,
    pub sim: Sweep,
    /// The load was scaled down to about so many events, see [`Scenario::scaled`].
    pub scaled_to: Option<u64>,
}

impl Scenario {
    /// Where a path such as `faults.0.crash` is written, or else the nearest on the way there.
    pub(crate) fn place_of(&self, path: &str) -> &Place {
        let mut node = &*self.tree;
        for key in path.split('.') {
            let item = || node.items().get(key.parse::<usize>().ok()?);
            let Some(next) = node.get(key).or_else(item) else {
                break;
            };
            node = next;
        }
        &node.place
    }
}

/// What a sweep of simulated seeds does differently from one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sweep {
    /// Events that the load of a seed is scaled down to. Default 500.
    pub events: u64,
    /// How much earlier or later than it is written a fault may begin. Default 500 ms.
    pub jitter_ns: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            events: 500,
            jitter_ns: 500_000_000,
        }
    }
}

/// The system and what this scenario changes in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SystemUse {
    pub spec: SystemSpec,
    /// Processes for every service of the system (defaults filled in).
    pub scale: BTreeMap<String, u32>,
    /// Planted bugs that are on.
    pub bugs: Vec<String>,
    /// Service to variable to template, laid over the system's own.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
}

impl SystemUse {
    /// Whether a process that runs is told the address of a sink.
    #[must_use]
    pub fn tells_of(&self, sink: &str) -> bool {
        let slot = format!("sink.{sink}");
        let mut services = self.spec.services.iter();
        services.any(|service| self.has_slot(service, &slot))
    }

    /// Whether a process of a service that runs is told what a slot stands for.
    #[must_use]
    pub fn has_slot(&self, service: &ServiceSpec, slot: &str) -> bool {
        let names_it = |text: &String| {
            Template::parse(text, SYSTEM_SLOTS)
                .is_ok_and(|template| template.slots().any(|known| known == slot))
        };
        if self.scale.get(&service.name) == Some(&0) {
            return false;
        }
        let bugs = service
            .bugs
            .iter()
            .filter(|bug| self.bugs.contains(&bug.name));
        let mut laid: BTreeMap<&String, &String> = service.environment.iter().collect();
        let mut arguments: Vec<&String> = service.command.iter().collect();
        for bug in bugs {
            laid.extend(&bug.environment);
            arguments.extend(&bug.arguments);
        }
        laid.extend(self.environment.get(&service.name).into_iter().flatten());
        let mut told = arguments.into_iter().chain(laid.into_values());
        told.any(names_it)
    }
}

/// The Kafka cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub brokers: u32,
    /// The system's topics with the scenario's settings laid over, then the scenario's own.
    /// The index is the `place` of [`squall_check::Kind::Stored`].
    pub topics: Vec<TopicSpec>,
    /// Kafka's own names.
    pub broker: BTreeMap<String, String>,
    /// librdkafka's own names, for the clients of the system.
    pub client: BTreeMap<String, String>,
    pub links: Links,
    /// How a cluster that is not Squall's is reached, under librdkafka's own names. Holds no secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, String>,
    /// What names of topics and groups begin with, where others use the cluster too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Names of topics and groups that the system has fixed are used as they are, although others may use them too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_disturb: bool,
}

/// Links between brokers. With instant links acks=1 would never lose anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Links {
    /// One way. Default 200 us.
    pub latency_ns: u64,
    /// Each direction of each pair. Default 1 GiB/s.
    pub bandwidth_bytes_per_s: u64,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            latency_ns: 200_000,
            bandwidth_bytes_per_s: 1 << 30,
        }
    }
}

/// One stream of events.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Load {
    /// Given, or the entry's text.
    pub name: String,
    pub entry: LoadEntry,
    /// Header to load template: the entry's own with the load's laid over.
    pub headers: BTreeMap<String, String>,
    /// Any value with load templates inside its strings. A string is sent as it is, all else as JSON.
    pub body: serde_json::Value,
    /// Pad the body to this many bytes: strings with trailing spaces, JSON objects with a `padding` member.
    pub size_bytes: Option<u64>,
    /// Load template of the record's key. HTTP entries ignore it: there the system chooses the key.
    pub key: String,
    pub keys: Keys,
    pub arrival: Arrival,
    pub stages: Vec<Stage>,
    /// What becomes of each accepted event, for every sink of the system, in its order.
    pub outcomes: Vec<Outcome>,
    /// After this long without an answer an event is indeterminate.
    pub timeout_ns: u64,
    /// HTTP connections at most.
    pub connections: u32,
    /// Sent for a fault, and odd in this way.
    #[serde(default)]
    pub odd: Option<Odd>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadEntry {
    Http {
        method: String,
        service: String,
        port: String,
        path: String,
        id: IdPlace,
    },
    Topic {
        topic: String,
        id: IdPlace,
    },
}

/// How keys are drawn. A key's text is `k` and its index.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// Rank r with weight 1 / r^exponent.
    Zipf {
        exponent: f64,
        count: u32,
    },
    Uniform {
        count: u32,
    },
    /// Each event the next key, wrapping at `count`.
    Sequential {
        count: u32,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Evenly spaced.
    Uniform,
    /// A Poisson process given its count: the number of events of a stage is fixed, their times are random.
    Poisson,
}

/// One stretch of a load.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    Constant {
        rate: Rate,
        for_ns: u64,
    },
    Ramp {
        from: Rate,
        to: Rate,
        for_ns: u64,
    },
    /// All at once.
    Burst {
        count: u64,
    },
    Pause {
        for_ns: u64,
    },
    Sine {
        mean: Rate,
        amplitude: Rate,
        period_ns: u64,
        for_ns: u64,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Expect {
    pub verdict: ExpectedVerdict,
    /// Anomalies that a violated run must show.
    pub anomalies: Vec<String>,
    /// For every sink of the system, in its order.
    pub sinks: Vec<SinkExpectation>,
    pub dead_letters: DeadLetters,
    pub thresholds: Vec<Threshold>,
    #[serde(default)]
    pub invariants: Vec<Invariant>,
    /// Least share of the offered events that must have gone out on time, 0 to 1.
    pub rate_min: f64,
    /// Within this of their times 99.9 % of the offered events must have gone out; nanoseconds. Later than that, the harness had no
    /// time to spare, and what it says of latencies is its own lateness.
    #[serde(default = "pacing_default_ns")]
    pub pacing_ns: u64,
    /// Largest share of HTTP answers that may be errors, 0 to 1.
    pub http_error_rate_max: Option<f64>,
}

/// 50 ms.
#[must_use]
pub const fn pacing_default_ns() -> u64 {
    50_000_000
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedVerdict {
    Held,
    Violated,
    Inconclusive,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SinkExpectation {
    pub sink: String,
    pub semantics: Semantics,
    /// Effects of one key must come in the order in which they were accepted.
    pub ordered: bool,
}

/// Whether events that should have had an effect may be dead-lettered instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadLetters {
    /// Yes: they are accounted for.
    Allowed,
    /// No: only loads that expect `dead-letter` may end there.
    ExpectedOnly,
}

/// `effect_ms{sink:users}: p(99)<3000`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Threshold {
    /// The metric with its selector.
    pub metric: String,
    pub expression: String,
    #[serde(default)]
    pub stakes: Stakes,
}

/// Lengths of the phases around the load.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// All services must be ready within this time. Default 10 s.
    pub ready_ns: u64,
    /// Probe events must show in every sink within this time. Default 10 s.
    pub steady_ns: u64,
    /// The first stage's rate before the load proper; counted, but in no threshold. Default 0.
    pub warm_up_ns: u64,
    /// The drain ends when all is accounted for, and fails after this time. Default 30 s.
    pub drain_ns: u64,
}
