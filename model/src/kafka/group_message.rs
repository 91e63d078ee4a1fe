//! Messages of the classic consumer group protocol and of committed offsets.

use super::error::ErrorCode;
use super::ids::{Epoch, MemberId, Name, NodeId, Offset, TopicPartition};
use std::sync::Arc;

/// Bytes that only clients understand: subscriptions, assignments, commit metadata.
pub type Blob = Arc<[u8]>;

#[derive(Clone, Debug)]
pub struct JoinGroupRequest {
    pub group: Name,
    pub member: MemberId,
    /// `group.instance.id` (KIP-345).
    pub instance: Option<Name>,
    pub client: Name,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: Name,
    /// In the client's order of preference, with its subscription.
    pub protocols: Vec<(Name, Blob)>,
    /// Whether the request's version understands MEMBER_ID_REQUIRED (KIP-394, version 4 and up).
    pub member_id_required: bool,
}

#[derive(Clone, Debug)]
pub struct JoinGroupResponse {
    pub error: ErrorCode,
    pub generation: i32,
    pub protocol_type: Option<Name>,
    pub protocol: Option<Name>,
    pub leader: MemberId,
    pub member: MemberId,
    /// Only for the leader.
    pub members: Vec<JoinedMember>,
    pub skip_assignment: bool,
}

#[derive(Clone, Debug)]
pub struct JoinedMember {
    pub member: MemberId,
    pub instance: Option<Name>,
    pub metadata: Blob,
}

#[derive(Clone, Debug)]
pub struct SyncGroupRequest {
    pub group: Name,
    pub generation: i32,
    pub member: MemberId,
    pub instance: Option<Name>,
    pub protocol_type: Option<Name>,
    pub protocol: Option<Name>,
    /// Only from the leader.
    pub assignments: Vec<(MemberId, Blob)>,
}

#[derive(Clone, Debug)]
pub struct SyncGroupResponse {
    pub error: ErrorCode,
    pub protocol_type: Option<Name>,
    pub protocol: Option<Name>,
    pub assignment: Blob,
}

#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    pub group: Name,
    pub generation: i32,
    pub member: MemberId,
    pub instance: Option<Name>,
}

#[derive(Clone, Debug)]
pub struct LeaveGroupRequest {
    pub group: Name,
    pub members: Vec<(MemberId, Option<Name>)>,
}

#[derive(Clone, Debug)]
pub struct LeaveGroupResponse {
    pub error: ErrorCode,
    pub members: Vec<(MemberId, Option<Name>, ErrorCode)>,
}

#[derive(Clone, Debug)]
pub struct OffsetCommitRequest {
    pub group: Name,
    /// -1 from clients that manage partitions themselves.
    pub generation: i32,
    pub member: MemberId,
    pub instance: Option<Name>,
    pub offsets: Vec<CommittedOffset>,
}

/// A position that a group committed: the next offset to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommittedOffset {
    pub partition: TopicPartition,
    pub offset: Offset,
    pub leader_epoch: Epoch,
    pub metadata: Option<Blob>,
}

#[derive(Clone, Debug)]
pub struct OffsetFetchRequest {
    pub group: Name,
    /// `None` asks for every committed partition.
    pub partitions: Option<Vec<TopicPartition>>,
}

#[derive(Clone, Debug)]
pub struct OffsetFetchResponse {
    pub group: Name,
    pub error: ErrorCode,
    /// Offset -1 where nothing is committed.
    pub offsets: Vec<(CommittedOffset, ErrorCode)>,
}

/// State of a classic group, as DescribeGroups names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupState {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
}

#[derive(Clone, Debug)]
pub struct ListedGroup {
    pub group: Name,
    pub protocol_type: Option<Name>,
    pub state: GroupState,
}

#[derive(Clone, Debug)]
pub struct DescribedGroup {
    pub group: Name,
    pub error: ErrorCode,
    pub state: GroupState,
    pub protocol_type: Option<Name>,
    pub protocol: Option<Name>,
    pub coordinator: NodeId,
    pub members: Vec<DescribedMember>,
}

#[derive(Clone, Debug)]
pub struct DescribedMember {
    pub member: MemberId,
    pub instance: Option<Name>,
    pub client: Name,
    pub metadata: Blob,
    pub assignment: Blob,
}
