//! Client requests and their answers, typed and version-free.

use super::batch::{Batch, Entry};
use super::error::ErrorCode;
use super::group_message::*;
use super::ids::{Epoch, Name, NodeId, Offset, TopicPartition};
use std::collections::BTreeMap;

/// What a client asks of a broker.
#[derive(Clone, Debug)]
pub enum Request<B> {
    Metadata(MetadataRequest),
    Produce(ProduceRequest<B>),
    Fetch(FetchRequest),
    ListOffsets(ListOffsetsRequest),
    OffsetForLeaderEpoch(Vec<EpochQuery>),
    InitProducerId(InitProducerIdRequest),
    FindCoordinator {
        groups: Vec<Name>,
    },
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    OffsetCommit(OffsetCommitRequest),
    OffsetFetch(OffsetFetchRequest),
    ListGroups,
    DescribeGroups {
        groups: Vec<Name>,
    },
    DeleteGroups {
        groups: Vec<Name>,
    },
    CreateTopics(CreateTopicsRequest),
    DeleteTopics {
        topics: Vec<Name>,
        timeout_ms: i32,
    },
    CreatePartitions {
        topics: Vec<(Name, i32)>,
        timeout_ms: i32,
        validate_only: bool,
    },
    DescribeTopicConfigs {
        topics: Vec<Name>,
    },
}

/// The answer to the request of the same name.
#[derive(Clone, Debug)]
pub enum Response<B> {
    Metadata(MetadataResponse),
    Produce(Vec<ProducedPartition>),
    Fetch(Vec<FetchedPartition<B>>),
    ListOffsets(Vec<ListedOffset>),
    OffsetForLeaderEpoch(Vec<EpochEnd>),
    InitProducerId(InitProducerIdResponse),
    FindCoordinator(Vec<Coordinator>),
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(ErrorCode),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(Vec<(TopicPartition, ErrorCode)>),
    OffsetFetch(OffsetFetchResponse),
    ListGroups(Vec<ListedGroup>),
    DescribeGroups(Vec<DescribedGroup>),
    DeleteGroups(Vec<(Name, ErrorCode)>),
    CreateTopics(Vec<TopicResult>),
    DeleteTopics(Vec<(Name, ErrorCode)>),
    CreatePartitions(Vec<TopicResult>),
    DescribeTopicConfigs(Vec<DescribedTopicConfig>),
}

#[derive(Clone, Debug)]
pub struct MetadataRequest {
    /// `None` asks for every topic.
    pub topics: Option<Vec<Name>>,
    pub allow_auto_topic_creation: bool,
}

#[derive(Clone, Debug)]
pub struct MetadataResponse {
    /// Registered and unfenced brokers as this broker knows them; addresses are the driver's.
    pub brokers: Vec<NodeId>,
    /// A broker that forwards to the controller (clients never reach a KRaft controller).
    pub controller: Option<NodeId>,
    pub topics: Vec<TopicMetadata>,
}

#[derive(Clone, Debug)]
pub struct TopicMetadata {
    pub topic: Name,
    pub error: ErrorCode,
    pub internal: bool,
    pub partitions: Vec<PartitionMetadata>,
}

#[derive(Clone, Debug)]
pub struct PartitionMetadata {
    pub partition: i32,
    pub error: ErrorCode,
    pub leader: Option<NodeId>,
    pub leader_epoch: Epoch,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub offline: Vec<NodeId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    None,
    Leader,
    All,
}

#[derive(Clone, Debug)]
pub struct ProduceRequest<B> {
    pub acks: Acks,
    pub timeout_ms: i32,
    /// One batch a partition; an error that the driver found while it checked the batch (CRC, size, magic) takes its place.
    pub partitions: Vec<(TopicPartition, Result<Batch<B>, ErrorCode>)>,
}

#[derive(Clone, Debug)]
pub struct ProducedPartition {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// -1 on error.
    pub base_offset: Offset,
    pub log_start_offset: Offset,
    /// For KIP-951: where the leader is now, when the answer is NOT_LEADER_OR_FOLLOWER.
    pub current_leader: Option<(NodeId, Epoch)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

#[derive(Clone, Debug)]
pub struct FetchRequest {
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation: Isolation,
    pub partitions: Vec<FetchPartition>,
}

#[derive(Clone, Copy, Debug)]
pub struct FetchPartition {
    pub partition: TopicPartition,
    pub offset: Offset,
    /// -1 when the client does not know it (KIP-320).
    pub current_leader_epoch: Epoch,
    /// -1 when the client does not know it.
    pub last_fetched_epoch: Epoch,
    pub max_bytes: i32,
}

#[derive(Clone, Debug)]
pub struct FetchedPartition<B> {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    pub high_watermark: Offset,
    pub last_stable_offset: Offset,
    pub log_start_offset: Offset,
    /// Where the reader's log diverges from this one: (epoch, end offset).
    pub diverging: Option<(Epoch, Offset)>,
    pub current_leader: Option<(NodeId, Epoch)>,
    /// Whole batches. The first may begin before the offset asked for, as in Kafka.
    pub entries: Vec<Entry<B>>,
}

impl<B> FetchedPartition<B> {
    /// Tells nothing but, maybe, an error.
    #[must_use]
    pub const fn empty(partition: TopicPartition, error: ErrorCode) -> Self {
        Self {
            partition,
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging: None,
            current_leader: None,
            entries: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetSpec {
    Earliest,
    Latest,
    /// First offset whose timestamp is at least this, milliseconds since 1970.
    Timestamp(i64),
    MaxTimestamp,
    /// A negative number that means something in later versions, or nothing.
    Unsupported,
}

#[derive(Clone, Debug)]
pub struct ListOffsetsRequest {
    pub isolation: Isolation,
    pub partitions: Vec<(TopicPartition, Epoch, OffsetSpec)>,
}

#[derive(Clone, Debug)]
pub struct ListedOffset {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// -1 where there is none.
    pub offset: Offset,
    /// -1 where there is none.
    pub timestamp_ms: i64,
    pub leader_epoch: Epoch,
}

#[derive(Clone, Copy, Debug)]
pub struct EpochQuery {
    pub partition: TopicPartition,
    pub current_leader_epoch: Epoch,
    pub epoch: Epoch,
}

#[derive(Clone, Copy, Debug)]
pub struct EpochEnd {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    pub epoch: Epoch,
    pub end_offset: Offset,
}

#[derive(Clone, Debug)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<Name>,
    /// -1 when the producer has none yet.
    pub producer_id: i64,
    pub producer_epoch: i16,
}

#[derive(Clone, Copy, Debug)]
pub struct InitProducerIdResponse {
    pub error: ErrorCode,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

#[derive(Clone, Debug)]
pub struct Coordinator {
    pub group: Name,
    pub error: ErrorCode,
    pub node: Option<NodeId>,
}

#[derive(Clone, Debug)]
pub struct CreateTopicsRequest {
    pub topics: Vec<NewTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

#[derive(Clone, Debug)]
pub struct NewTopic {
    pub topic: Name,
    /// -1 takes the broker's default.
    pub partitions: i32,
    /// -1 takes the broker's default.
    pub replication_factor: i16,
    /// Explicit replicas a partition; overrides the two above.
    pub assignment: Option<Vec<Vec<NodeId>>>,
    /// Kafka's own configuration names.
    pub configs: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct TopicResult {
    pub topic: Name,
    pub error: ErrorCode,
    pub message: Option<String>,
    pub partitions: i32,
    pub replication_factor: i16,
}

#[derive(Clone, Debug)]
pub struct DescribedTopicConfig {
    pub topic: Name,
    pub error: ErrorCode,
    /// Name, value, whether it is the default.
    pub entries: Vec<(String, String, bool)>,
}
