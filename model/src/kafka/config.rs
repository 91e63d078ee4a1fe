//! Settings under Kafka's own names, with Kafka's defaults.

use super::defects::Defects;
use super::group::GroupConfig;
use super::ids::Name;
use std::collections::BTreeMap;
use std::fmt;

/// A setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigProblem {
    pub name: String,
    pub what: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}

/// Settings of a broker and of the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    pub session_timeout_ms: i64,
    pub heartbeat_interval_ms: i64,
    pub replica_lag_time_max_ms: i64,
    pub replica_fetch_wait_max_ms: i64,
    /// Of one partition in one answer, and of all.
    pub replica_fetch_max_bytes: i64,
    pub replica_fetch_response_max_bytes: i64,
    pub replica_fetch_backoff_ms: i64,
    pub high_watermark_checkpoint_interval_ms: i64,
    pub message_max_bytes: i64,
    pub default_replication_factor: i16,
    pub num_partitions: i32,
    pub auto_create_topics: bool,
    pub offsets_topic_partitions: i32,
    pub offsets_topic_replication_factor: i16,
    pub min_insync_replicas: i64,
    pub unclean_leader_election: bool,
    /// After how many messages an append waits for the disk; `None`: never.
    pub log_flush_interval_messages: Option<i64>,
    /// After how long a log is flushed at the latest; `None`: the operating system decides.
    pub log_flush_interval_ms: Option<i64>,
    /// How often dirty pages reach the disk by themselves, as the operating system does it.
    pub page_flush_interval_ms: i64,
    /// KIP-966: eligible leader replicas.
    pub eligible_leader_replicas: bool,
    /// Whether a shutdown in order moves leaders away first.
    pub controlled_shutdown: bool,
    pub group: GroupConfig,
    /// Interned name of `__consumer_offsets`.
    pub offsets_topic: Name,
    /// Whether to tell of every move of a high watermark.
    pub high_watermark_facts: bool,
    pub defects: Defects,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            session_timeout_ms: 9_000,
            heartbeat_interval_ms: 2_000,
            replica_lag_time_max_ms: 30_000,
            replica_fetch_wait_max_ms: 500,
            replica_fetch_max_bytes: 1 << 20,
            replica_fetch_response_max_bytes: 10 << 20,
            replica_fetch_backoff_ms: 1_000,
            high_watermark_checkpoint_interval_ms: 5_000,
            message_max_bytes: 1_048_588,
            default_replication_factor: 1,
            num_partitions: 1,
            auto_create_topics: true,
            offsets_topic_partitions: 50,
            offsets_topic_replication_factor: 3,
            min_insync_replicas: 1,
            unclean_leader_election: false,
            log_flush_interval_messages: None,
            log_flush_interval_ms: None,
            page_flush_interval_ms: 30_000,
            eligible_leader_replicas: true,
            controlled_shutdown: true,
            group: GroupConfig::default(),
            offsets_topic: Name(u32::MAX),
            high_watermark_facts: false,
            defects: Defects::default(),
        }
    }
}

/// Settings of a topic that override the broker's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicConfig {
    pub min_insync_replicas: Option<i64>,
    pub unclean_leader_election: Option<bool>,
    pub max_message_bytes: Option<i64>,
    pub flush_messages: Option<i64>,
}

type Setter<C> = fn(&mut C, &str) -> Result<(), String>;

fn number<T: TryFrom<i64>>(text: &str, min: i64) -> Result<T, String> {
    let value: i64 = text
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a whole number"))?;
    if value < min {
        return Err(format!("{value} is below the least allowed value {min}"));
    }
    T::try_from(value).map_err(|_| format!("{value} is too large"))
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

macro_rules! setter {
    ($field:ident, $min:expr) => {
        |config, text| number(text, $min).map(|value| config.$field = value)
    };
    (bool $field:ident) => {
        |config, text| boolean(text).map(|value| config.$field = value)
    };
    (group $field:ident, $min:expr) => {
        |config, text| number(text, $min).map(|value| config.group.$field = value)
    };
}

/// Every broker setting that the model takes.
const BROKER: &[(&str, Setter<BrokerConfig>)] = &[
    ("broker.session.timeout.ms", setter!(session_timeout_ms, 1)),
    (
        "broker.heartbeat.interval.ms",
        setter!(heartbeat_interval_ms, 1),
    ),
    (
        "replica.lag.time.max.ms",
        setter!(replica_lag_time_max_ms, 1),
    ),
    (
        "replica.fetch.wait.max.ms",
        setter!(replica_fetch_wait_max_ms, 0),
    ),
    (
        "replica.fetch.max.bytes",
        setter!(replica_fetch_max_bytes, 1),
    ),
    (
        "replica.fetch.response.max.bytes",
        setter!(replica_fetch_response_max_bytes, 1),
    ),
    (
        "replica.fetch.backoff.ms",
        setter!(replica_fetch_backoff_ms, 0),
    ),
    (
        "replica.high.watermark.checkpoint.interval.ms",
        setter!(high_watermark_checkpoint_interval_ms, 1),
    ),
    ("message.max.bytes", setter!(message_max_bytes, 0)),
    (
        "default.replication.factor",
        setter!(default_replication_factor, 1),
    ),
    ("num.partitions", setter!(num_partitions, 1)),
    (
        "auto.create.topics.enable",
        setter!(bool auto_create_topics),
    ),
    (
        "offsets.topic.num.partitions",
        setter!(offsets_topic_partitions, 1),
    ),
    (
        "offsets.topic.replication.factor",
        setter!(offsets_topic_replication_factor, 1),
    ),
    ("min.insync.replicas", setter!(min_insync_replicas, 1)),
    (
        "unclean.leader.election.enable",
        setter!(bool unclean_leader_election),
    ),
    ("log.flush.interval.messages", |c, t| {
        number(t, 1).map(|v| c.log_flush_interval_messages = Some(v))
    }),
    ("log.flush.interval.ms", |c, t| {
        number(t, 1).map(|v| c.log_flush_interval_ms = Some(v))
    }),
    // A feature level of the cluster in Kafka (KIP-966); 1 in new clusters from 4.1 on.
    ("eligible.leader.replicas.version", |c, t| {
        number::<i64>(t, 0).map(|v| c.eligible_leader_replicas = v > 0)
    }),
    (
        "controlled.shutdown.enable",
        setter!(bool controlled_shutdown),
    ),
    // No setting of Kafka's: its historic mistakes, planted by name.
    ("squall.defects", |c, t| {
        Defects::parse(t).map(|v| c.defects = v)
    }),
    // The server in front of the machine goes by it.
    ("socket.request.max.bytes", |_, t| {
        number::<i64>(t, 1).map(|_| ())
    }),
    (
        "group.initial.rebalance.delay.ms",
        setter!(group group_initial_rebalance_delay_ms, 0),
    ),
    (
        "group.min.session.timeout.ms",
        setter!(group group_min_session_timeout_ms, 1),
    ),
    (
        "group.max.session.timeout.ms",
        setter!(group group_max_session_timeout_ms, 1),
    ),
    ("group.max.size", setter!(group group_max_size, 1)),
    (
        "offset.metadata.max.bytes",
        setter!(group offset_metadata_max_bytes, 0),
    ),
];

const TOPIC: &[(&str, Setter<TopicConfig>)] = &[
    ("min.insync.replicas", |c, t| {
        number(t, 1).map(|v| c.min_insync_replicas = Some(v))
    }),
    ("unclean.leader.election.enable", |c, t| {
        boolean(t).map(|v| c.unclean_leader_election = Some(v))
    }),
    ("max.message.bytes", |c, t| {
        number(t, 0).map(|v| c.max_message_bytes = Some(v))
    }),
    ("flush.messages", |c, t| {
        number(t, 1).map(|v| c.flush_messages = Some(v))
    }),
    ("cleanup.policy", |_, t| {
        one_of(
            t,
            &["delete", "compact", "compact,delete", "delete,compact"],
        )
    }),
    ("compression.type", |_, t| one_of(t, &["producer"])),
    ("message.timestamp.type", |_, t| one_of(t, &["CreateTime"])),
    ("retention.ms", |_, t| number::<i64>(t, -1).map(|_| ())),
    ("retention.bytes", |_, t| number::<i64>(t, -1).map(|_| ())),
    ("segment.bytes", |_, t| number::<i64>(t, 14).map(|_| ())),
    ("segment.ms", |_, t| number::<i64>(t, 1).map(|_| ())),
];

fn one_of(text: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&text.trim()) {
        Ok(())
    } else {
        Err(format!(
            "`{text}` is not modelled; there is {}",
            known.join(", ")
        ))
    }
}

/// Sets what the properties say, by the table of what there is.
fn read<C: Default>(
    table: &[(&str, Setter<C>)],
    properties: &BTreeMap<String, String>,
) -> Result<C, Vec<ConfigProblem>> {
    let mut config = C::default();
    let mut problems = Vec::new();
    for (name, text) in properties {
        let what = match table.iter().find(|(known, _)| known == name) {
            Some((_, set)) => set(&mut config, text),
            None => {
                let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
                Err(format!("not modelled; there are {}", known.join(", ")))
            }
        };
        if let Err(what) = what {
            problems.push(ConfigProblem {
                name: name.clone(),
                what,
            });
        }
    }
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

impl BrokerConfig {
    /// After how long dirty pages reach the disk at the latest.
    #[must_use]
    pub fn background_flush_ms(&self) -> i64 {
        let own = self.log_flush_interval_ms;
        own.map_or(self.page_flush_interval_ms, |own| {
            own.min(self.page_flush_interval_ms)
        })
    }

    /// Names that [`BrokerConfig::from_properties`] takes.
    #[must_use]
    pub fn known() -> Vec<&'static str> {
        BROKER.iter().map(|(name, _)| *name).collect()
    }

    /// Reads settings under Kafka's names.
    ///
    /// # Errors
    /// All settings that are unknown or unusable.
    pub fn from_properties(
        properties: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        read(BROKER, properties)
    }
}

impl TopicConfig {
    #[must_use]
    pub fn known() -> Vec<&'static str> {
        TOPIC.iter().map(|(name, _)| *name).collect()
    }

    /// As [`BrokerConfig::from_properties`].
    ///
    /// # Errors
    /// All settings that are unknown or unusable.
    pub fn from_properties(
        properties: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        read(TOPIC, properties)
    }
}
