//! One member of a group.

use super::super::group_message::{Blob, JoinGroupRequest};
use super::super::ids::{ConnId, Name};

/// An unanswered request. Its connection may be gone, and the member still counts as waiting, since Kafka does not look at TCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Waiter {
    pub conn: Option<ConnId>,
}

impl Waiter {
    pub fn on(conn: ConnId) -> Option<Self> {
        Some(Self { conn: Some(conn) })
    }

    pub fn forget(waiter: &mut Option<Self>, conn: ConnId) {
        if let Some(waiter) = waiter
            && waiter.conn == Some(conn)
        {
            waiter.conn = None;
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub instance: Option<Name>,
    pub client: Name,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: Name,
    /// In the member's order of preference.
    pub protocols: Vec<(Name, Blob)>,
    pub assignment: Blob,
    pub awaiting_join: Option<Waiter>,
    pub awaiting_sync: Option<Waiter>,
    /// It has not had the answer to its first JoinGroup, so it cannot heartbeat yet.
    pub is_new: bool,
}

impl Member {
    pub fn joining(client: Name, request: &JoinGroupRequest, conn: ConnId) -> Self {
        Self {
            instance: request.instance,
            client,
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            protocol_type: request.protocol_type,
            protocols: request.protocols.clone(),
            assignment: Blob::from([]),
            awaiting_join: Waiter::on(conn),
            awaiting_sync: None,
            is_new: true,
        }
    }

    pub fn supports(&self, protocol: Name) -> bool {
        self.protocols.iter().any(|(name, _)| *name == protocol)
    }

    /// The subscription under a protocol, empty where the member does not know it.
    pub fn metadata(&self, protocol: Option<Name>) -> Blob {
        let known = self.protocols.iter().find(|(n, _)| Some(*n) == protocol);
        known.map_or_else(|| Blob::from([]), |(_, metadata)| metadata.clone())
    }

    /// The protocol that it likes best among those that all members know.
    pub fn vote(&self, candidates: &[Name]) -> Option<Name> {
        let mut names = self.protocols.iter().map(|(name, _)| *name);
        names.find(|name| candidates.contains(name))
    }
}
