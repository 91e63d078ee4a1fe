//! What a coordinator keeps in `__consumer_offsets`: enough to go on where another broker stopped.

use super::super::group_message::{Blob, CommittedOffset};
use super::super::ids::{MemberId, Name, TopicPartition};

/// One record of the offsets topic. The last record of a key wins (the topic is compacted); `None` is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupRecord {
    Offset {
        group: Name,
        partition: TopicPartition,
        value: Option<CommittedOffset>,
    },
    Group {
        group: Name,
        value: Option<GroupValue>,
    },
}

impl GroupRecord {
    /// Size in the log in bytes: exact for client data, nominal for the rest.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Offset { value, .. } => {
                let metadata = value.as_ref().and_then(|v| v.metadata.as_ref());
                64 + metadata.map_or(0, |m| m.len())
            }
            Self::Group { value, .. } => {
                let members = value.iter().flat_map(|v| &v.members);
                let client: usize = members
                    .map(|m| 64 + m.metadata.len() + m.assignment.len())
                    .sum();
                64 + client
            }
        }
    }
}

/// A group at the end of a rebalance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupValue {
    pub generation: i32,
    pub protocol_type: Option<Name>,
    /// `None` when the group is empty.
    pub protocol: Option<Name>,
    pub leader: Option<MemberId>,
    pub members: Vec<MemberValue>,
}

/// A member with its part of the assignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberValue {
    pub member: MemberId,
    pub instance: Option<Name>,
    pub client: Name,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// Subscription under the group's protocol.
    pub metadata: Blob,
    pub assignment: Blob,
}
