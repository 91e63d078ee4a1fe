//! What an embedded cluster is made of.

use super::clock::Clock;
use super::link::LinkConfig;
use squall_model::kafka::Defects;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A topic to create before the cluster counts as ready, or on request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicConfig {
    pub name: String,
    /// -1 takes the brokers' default.
    pub partitions: i32,
    /// -1 takes the brokers' default.
    pub replication_factor: i16,
    /// Kafka's own names: `min.insync.replicas`, `unclean.leader.election.enable`, ...
    pub configs: BTreeMap<String, String>,
}

impl TopicConfig {
    #[must_use]
    pub fn new(name: &str, partitions: i32, replication_factor: i16) -> Self {
        Self {
            name: name.to_owned(),
            partitions,
            replication_factor,
            configs: BTreeMap::new(),
        }
    }
}

/// An embedded cluster: brokers with ids 1, 2, ... and one controller, on loopback.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterConfig {
    pub brokers: i32,
    /// One port a broker, in order; `None` takes free ones.
    pub ports: Option<Vec<u16>>,
    /// Kafka's own names, as in `server.properties`, the same for every broker.
    pub broker_properties: BTreeMap<String, String>,
    pub topics: Vec<TopicConfig>,
    /// Every link between two nodes, the controller included.
    pub links: LinkConfig,
    /// How long a flush to the disk takes.
    pub flush_latency: Duration,
    /// Segment files go to its folder `data`.
    pub data_dir: PathBuf,
    /// Record data that stays in memory.
    pub cache_bytes_max: usize,
    pub clock: Clock,
    /// Historic mistakes of Kafka, for tests that must find them.
    pub defects: Defects,
    /// How long starting may take until [`StartError::NotReady`](super::StartError).
    pub start_timeout: Duration,
}

impl ClusterConfig {
    /// Free ports, no topics, and the defaults of everything else.
    #[must_use]
    pub fn new(brokers: i32, data_dir: PathBuf) -> Self {
        Self {
            brokers,
            ports: None,
            broker_properties: BTreeMap::new(),
            topics: Vec::new(),
            links: LinkConfig::default(),
            flush_latency: Duration::from_millis(1),
            data_dir,
            cache_bytes_max: 64 << 20,
            clock: Clock::default(),
            defects: Defects::default(),
            start_timeout: Duration::from_secs(10),
        }
    }
}
