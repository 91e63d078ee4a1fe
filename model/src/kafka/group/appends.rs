//! Appends to the offsets topic that are not yet replicated, and what waits for each.

use super::super::error::ErrorCode;
use super::super::group_message::CommittedOffset;
use super::super::ids::{ConnId, MemberId, Name, TopicPartition};
use std::collections::BTreeMap;

/// Why records were appended, and so what happens when they are durable.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// The assignment of a generation; `assignments` go to the members once durable.
    Assignment {
        group: Name,
        generation: i32,
        assignments: BTreeMap<MemberId, super::Blob>,
    },
    /// A static member under its new id.
    Replacement {
        group: Name,
        generation: i32,
        member: MemberId,
    },
    /// A group that became empty; nobody waits.
    Emptied,
    Commit(Commit),
    Delete {
        conn: Option<ConnId>,
        results: Vec<(Name, ErrorCode)>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub conn: Option<ConnId>,
    pub group: Name,
    pub member: MemberId,
    pub client: Name,
    pub offsets: Vec<CommittedOffset>,
    pub results: Vec<(TopicPartition, ErrorCode)>,
}

#[derive(Default, Debug)]
pub(super) struct Appends {
    last_token: u64,
    waiting: BTreeMap<u64, Purpose>,
}

impl Appends {
    pub fn begin(&mut self, purpose: Purpose) -> u64 {
        self.last_token += 1;
        self.waiting.insert(self.last_token, purpose);
        self.last_token
    }

    pub fn end(&mut self, token: u64) -> Option<Purpose> {
        self.waiting.remove(&token)
    }

    pub fn drain(&mut self) -> impl Iterator<Item = Purpose> {
        std::mem::take(&mut self.waiting).into_values()
    }

    /// Nobody listens on this connection any more.
    pub fn forget(&mut self, conn: ConnId) {
        for purpose in self.waiting.values_mut() {
            let waiting = match purpose {
                Purpose::Commit(commit) => &mut commit.conn,
                Purpose::Delete { conn, .. } => conn,
                _ => continue,
            };
            if *waiting == Some(conn) {
                *waiting = None;
            }
        }
    }
}

/// What a client is told when the append failed, as Kafka translates it.
pub(super) fn coordinator_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
