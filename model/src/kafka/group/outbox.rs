//! What a coordinator hands to its broker.

use super::super::error::ErrorCode;
use super::super::fact::Fact;
use super::super::group_message::*;
use super::super::ids::{ConnId, Name, TopicPartition};
use super::super::message::Response;
use super::record::GroupRecord;

/// One output of a coordinator.
#[derive(Clone, Debug)]
pub enum GroupOut {
    Reply {
        conn: ConnId,
        reply: GroupReply,
    },
    Fact(Fact),
    /// Append to the partition's log and answer `Coordinator::appended` once every in-sync replica has it. Tokens grow with the log.
    Append {
        token: u64,
        records: Vec<GroupRecord>,
    },
}

/// An answer that came late or at once; the same as the [`Response`] of that name.
#[derive(Clone, Debug)]
pub enum GroupReply {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
    Heartbeat(ErrorCode),
    Leave(LeaveGroupResponse),
    Commit(Vec<(TopicPartition, ErrorCode)>),
    Delete(Vec<(Name, ErrorCode)>),
}

impl GroupReply {
    #[must_use]
    pub fn into_response<B>(self) -> Response<B> {
        match self {
            Self::Join(response) => Response::JoinGroup(response),
            Self::Sync(response) => Response::SyncGroup(response),
            Self::Heartbeat(error) => Response::Heartbeat(error),
            Self::Leave(response) => Response::LeaveGroup(response),
            Self::Commit(partitions) => Response::OffsetCommit(partitions),
            Self::Delete(groups) => Response::DeleteGroups(groups),
        }
    }
}

/// Outputs in order; the broker drains it after each call.
#[derive(Default, Debug)]
pub struct GroupOutbox {
    outputs: Vec<GroupOut>,
}

impl GroupOutbox {
    pub fn drain(&mut self) -> std::vec::Drain<'_, GroupOut> {
        self.outputs.drain(..)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    pub(super) fn reply(&mut self, conn: ConnId, reply: GroupReply) {
        self.outputs.push(GroupOut::Reply { conn, reply });
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        self.outputs.push(GroupOut::Fact(fact));
    }

    pub(super) fn append(&mut self, token: u64, records: Vec<GroupRecord>) {
        self.outputs.push(GroupOut::Append { token, records });
    }
}
