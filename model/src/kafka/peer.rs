//! Messages between brokers, and between brokers and the controller. Links may lose, delay and repeat nothing, but may break.

use super::batch::{Entry, Stored};
use super::error::ErrorCode;
use super::ids::{Epoch, Name, NodeId, Offset, TopicPartition};
use super::message::{CreateTopicsRequest, TopicResult};
use std::collections::BTreeMap;

/// A message on a link between two nodes.
#[derive(Clone, Debug)]
pub enum Peer<B> {
    /// Follower to leader: one fetch for all partitions that it follows there.
    Fetch(ReplicaFetch),
    Fetched(ReplicaFetched<B>),
    /// Leader to controller (KIP-497).
    AlterPartition(AlterPartition),
    AlteredPartition(AlteredPartition),
    /// Broker to controller (KIP-631).
    Register(Register),
    Registered {
        incarnation: u64,
        broker_epoch: i64,
    },
    Heartbeat(BrokerHeartbeat),
    HeartbeatAnswer(BrokerHeartbeatAnswer),
    /// Controller to broker: the metadata log from `from_version` (exclusive) on. The broker's heartbeat acknowledges it.
    Metadata(MetadataUpdate),
    /// Broker to controller: admin requests that only it may carry out.
    Forward {
        correlation: u64,
        admin: Admin,
    },
    Forwarded {
        correlation: u64,
        answer: AdminAnswer,
    },
}

impl<B> Peer<B> {
    /// Size on a link in bytes, for bandwidth: exact for record data, nominal for the rest.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Fetched(fetched) => {
                let data: u64 = fetched
                    .partitions
                    .iter()
                    .flat_map(|p| &p.entries)
                    .map(|e| u64::from(e.batch.header.bytes))
                    .sum();
                64 + 32 * fetched.partitions.len() as u64 + data
            }
            Self::Fetch(fetch) => 64 + 32 * fetch.partitions.len() as u64,
            Self::Metadata(update) => 64 + 64 * update.changes.len() as u64,
            _ => 128,
        }
    }
}

#[derive(Clone, Debug)]
pub struct ReplicaFetch {
    /// Numbered by the follower, so that a late answer is known as such.
    pub session: u64,
    /// Whether it names every partition that is followed; else only those that changed since the fetch before (KIP-227).
    pub full: bool,
    pub broker_epoch: i64,
    pub max_wait_ms: i32,
    pub partitions: Vec<ReplicaFetchPartition>,
}

#[derive(Clone, Copy, Debug)]
pub struct ReplicaFetchPartition {
    pub partition: TopicPartition,
    /// The follower's log end.
    pub offset: Offset,
    pub current_leader_epoch: Epoch,
    /// Epoch of the follower's last entry, for truncation on fetch (KIP-320 as done since 2.7).
    pub last_fetched_epoch: Epoch,
    pub log_start_offset: Offset,
}

#[derive(Clone, Debug)]
pub struct ReplicaFetched<B> {
    pub session: u64,
    /// FETCH_SESSION_ID_NOT_FOUND asks for a full fetch.
    pub error: ErrorCode,
    /// Only partitions with something to tell.
    pub partitions: Vec<ReplicaFetchedPartition<B>>,
}

#[derive(Clone, Debug)]
pub struct ReplicaFetchedPartition<B> {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    pub leader_epoch: Epoch,
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    pub diverging: Option<(Epoch, Offset)>,
    pub entries: Vec<Entry<Stored<B>>>,
}

#[derive(Clone, Debug)]
pub struct AlterPartition {
    pub correlation: u64,
    pub broker_epoch: i64,
    pub partition: TopicPartition,
    pub leader_epoch: Epoch,
    pub partition_epoch: i32,
    /// Proposed in-sync replicas, with their broker epochs (KIP-903).
    pub isr: Vec<(NodeId, i64)>,
}

#[derive(Clone, Debug)]
pub struct AlteredPartition {
    pub correlation: u64,
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// The committed state when there is no error.
    pub state: Option<PartitionState>,
}

/// A partition as the controller committed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionState {
    pub leader: Option<NodeId>,
    pub leader_epoch: Epoch,
    /// Grows with every change of the partition.
    pub partition_epoch: i32,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    /// Eligible leader replicas (KIP-966); empty when the feature is off.
    pub elr: Vec<NodeId>,
}

#[derive(Clone, Debug)]
pub struct Register {
    /// Chosen by the driver for each start of the process; differs between starts.
    pub incarnation: u64,
    /// Whether the process before it ended by a controlled shutdown (else ELR drops it: KIP-966).
    pub clean_shutdown: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeat {
    pub broker_epoch: i64,
    /// Last version of the metadata log that it applied.
    pub metadata_version: u64,
    pub want_fence: bool,
    pub want_shut_down: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeatAnswer {
    pub error: ErrorCode,
    pub fenced: bool,
    pub should_shut_down: bool,
}

#[derive(Clone, Debug)]
pub struct MetadataUpdate {
    pub from_version: u64,
    pub to_version: u64,
    pub changes: Vec<MetadataChange>,
}

#[derive(Clone, Debug)]
pub enum MetadataChange {
    Broker {
        node: NodeId,
        broker_epoch: i64,
        fenced: bool,
    },
    Topic {
        topic: Name,
        configs: BTreeMap<String, String>,
    },
    TopicRemoved {
        topic: Name,
    },
    Partition {
        partition: TopicPartition,
        state: PartitionState,
    },
}

#[derive(Clone, Debug)]
pub enum Admin {
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(Vec<Name>),
    CreatePartitions {
        topics: Vec<(Name, i32)>,
        validate_only: bool,
    },
    /// A block of 1,000 producer ids (KIP-730).
    AllocateProducerIds,
}

#[derive(Clone, Debug)]
pub enum AdminAnswer {
    Topics(Vec<TopicResult>),
    Deleted(Vec<(Name, ErrorCode)>),
    ProducerIds {
        first: i64,
        count: i64,
    },
    /// The controller could not do it now.
    Failed(ErrorCode),
}
