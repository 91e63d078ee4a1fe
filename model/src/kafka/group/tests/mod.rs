//! Tests of the coordinator: a client's view of one group, with the log beside it.

mod offsets;
mod property;
mod rebalance;
mod statics;

use super::*;
use crate::kafka::Why;

pub(super) const GROUP: Name = Name(1);
pub(super) const CLIENT: Name = Name(2);
pub(super) const CONSUMER: Name = Name(3);
pub(super) const RANGE: Name = Name(10);
pub(super) const STICKY: Name = Name(11);
pub(super) const MS: Nanos = 1_000_000;
pub(super) const SESSION_MS: i32 = 10_000;
pub(super) const REBALANCE_MS: i32 = 30_000;

/// A coordinator, the replies that came and the appends that are not yet replicated.
pub(super) struct Rig {
    pub coordinator: Coordinator,
    pub out: GroupOutbox,
    pub now: Nanos,
    pub last_conn: u64,
    pub replies: BTreeMap<ConnId, GroupReply>,
    pub facts: Vec<Fact>,
    pub appending: Vec<(u64, Vec<GroupRecord>)>,
    pub log: Vec<GroupRecord>,
    /// Appends are replicated at once.
    pub instant: bool,
}

pub(super) fn blob(text: &str) -> Blob {
    Blob::from(text.as_bytes())
}

pub(super) fn partition(index: i32) -> TopicPartition {
    TopicPartition {
        topic: Name(20),
        partition: index,
    }
}

pub(super) fn join_request(member: MemberId, protocols: &[(Name, &str)]) -> JoinGroupRequest {
    JoinGroupRequest {
        group: GROUP,
        member,
        instance: None,
        client: CLIENT,
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        protocol_type: CONSUMER,
        protocols: protocols.iter().map(|(n, m)| (*n, blob(m))).collect(),
        member_id_required: false,
    }
}

impl Rig {
    pub fn new() -> Self {
        Self::with(GroupConfig {
            group_initial_rebalance_delay_ms: 0,
            ..GroupConfig::default()
        })
    }

    pub fn with(config: GroupConfig) -> Self {
        let mut out = GroupOutbox::default();
        let coordinator = Coordinator::load(0, Self::id(1), config, [], &mut out);
        let mut rig = Self {
            coordinator,
            out,
            now: 0,
            last_conn: 0,
            replies: BTreeMap::new(),
            facts: Vec::new(),
            appending: Vec::new(),
            log: Vec::new(),
            instant: true,
        };
        rig.collect();
        rig
    }

    fn id(salt: u64) -> CoordinatorId {
        CoordinatorId {
            node: NodeId(1),
            partition: partition(0),
            salt,
        }
    }

    pub fn conn(&mut self) -> ConnId {
        self.last_conn += 1;
        ConnId(self.last_conn)
    }

    pub fn collect(&mut self) {
        while !self.out.is_empty() {
            let outputs: Vec<GroupOut> = self.out.drain().collect();
            for output in outputs {
                match output {
                    GroupOut::Reply { conn, reply } => {
                        let twice = self.replies.insert(conn, reply);
                        assert!(twice.is_none(), "two replies to one request");
                    }
                    GroupOut::Fact(fact) => self.facts.push(fact),
                    GroupOut::Append { token, records } => self.appending.push((token, records)),
                }
            }
            if self.instant {
                self.replicate();
            }
        }
    }

    /// Everything appended so far is replicated.
    pub fn replicate(&mut self) {
        for (token, records) in std::mem::take(&mut self.appending) {
            self.log.extend(records);
            self.coordinator
                .appended(self.now, token, Ok(()), &mut self.out);
        }
        if !self.out.is_empty() {
            self.collect();
        }
    }

    /// Lets time pass, timer by timer.
    pub fn wait_ms(&mut self, ms: u64) {
        let until = self.now + ms * MS;
        while let Some(due) = self.coordinator.next_timer().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.coordinator.tick(self.now, &mut self.out);
            self.collect();
        }
        self.now = until;
    }

    pub fn send_join(&mut self, request: &JoinGroupRequest) -> ConnId {
        let conn = self.conn();
        self.coordinator
            .join(self.now, conn, CLIENT, request, &mut self.out);
        self.collect();
        conn
    }

    pub fn joined(&mut self, conn: ConnId) -> JoinGroupResponse {
        match self.replies.remove(&conn) {
            Some(GroupReply::Join(response)) => response,
            other => panic!("expected a join response, got {other:?}"),
        }
    }

    /// Joins and returns the answer once the initial delay (0) has passed.
    pub fn join(&mut self, request: &JoinGroupRequest) -> JoinGroupResponse {
        let conn = self.send_join(request);
        self.wait_ms(0);
        self.joined(conn)
    }

    pub fn send_sync(
        &mut self,
        member: MemberId,
        generation: i32,
        assignments: &[(MemberId, &str)],
    ) -> ConnId {
        let conn = self.conn();
        let request = SyncGroupRequest {
            group: GROUP,
            generation,
            member,
            instance: None,
            protocol_type: None,
            protocol: None,
            assignments: assignments.iter().map(|(m, a)| (*m, blob(a))).collect(),
        };
        self.coordinator
            .sync(self.now, conn, request, &mut self.out);
        self.collect();
        conn
    }

    pub fn synced(&mut self, conn: ConnId) -> Result<String, ErrorCode> {
        match self.replies.remove(&conn) {
            Some(GroupReply::Sync(response)) if response.error.is_error() => Err(response.error),
            Some(GroupReply::Sync(response)) => {
                Ok(String::from_utf8(response.assignment.to_vec()).unwrap())
            }
            other => panic!("expected a sync response, got {other:?}"),
        }
    }

    pub fn heartbeat(&mut self, member: MemberId, generation: i32) -> ErrorCode {
        let conn = self.conn();
        let request = HeartbeatRequest {
            group: GROUP,
            generation,
            member,
            instance: None,
        };
        self.coordinator
            .heartbeat(self.now, conn, &request, &mut self.out);
        self.collect();
        match self.replies.remove(&conn) {
            Some(GroupReply::Heartbeat(error)) => error,
            other => panic!("expected a heartbeat response, got {other:?}"),
        }
    }

    pub fn leave(&mut self, member: MemberId, instance: Option<Name>) -> ErrorCode {
        let conn = self.conn();
        let request = LeaveGroupRequest {
            group: GROUP,
            members: vec![(member, instance)],
        };
        self.coordinator
            .leave(self.now, conn, &request, &mut self.out);
        self.collect();
        match self.replies.remove(&conn) {
            Some(GroupReply::Leave(response)) => response.members[0].2,
            other => panic!("expected a leave response, got {other:?}"),
        }
    }

    pub fn send_commit(&mut self, member: MemberId, generation: i32, offset: i64) -> ConnId {
        let conn = self.conn();
        let request = OffsetCommitRequest {
            group: GROUP,
            generation,
            member,
            instance: None,
            offsets: vec![CommittedOffset {
                partition: partition(0),
                offset,
                leader_epoch: -1,
                metadata: None,
            }],
        };
        self.coordinator
            .commit(self.now, conn, CLIENT, request, Vec::new(), &mut self.out);
        self.collect();
        conn
    }

    pub fn committed(&mut self, conn: ConnId) -> Option<ErrorCode> {
        match self.replies.remove(&conn)? {
            GroupReply::Commit(results) => Some(results[0].1),
            other => panic!("expected a commit response, got {other:?}"),
        }
    }

    pub fn fetched(&self) -> i64 {
        let request = OffsetFetchRequest {
            group: GROUP,
            partitions: Some(vec![partition(0)]),
        };
        self.coordinator.fetch_offsets(&request).offsets[0].0.offset
    }

    pub fn state(&self) -> GroupState {
        self.coordinator.describe(GROUP).state
    }

    /// A group of one, synced. Its member id.
    pub fn stable_one(&mut self) -> MemberId {
        let response = self.join(&join_request(MemberId::NONE, &[(RANGE, "a")]));
        let id = response.member;
        let conn = self.send_sync(id, response.generation, &[(id, "all")]);
        assert_eq!(self.synced(conn), Ok("all".to_owned()));
        id
    }

    /// The leader's broker dies; another one loads what was replicated.
    pub fn fail_over(&mut self, salt: u64) {
        self.appending.clear();
        let config = self.coordinator.config.clone();
        let log = self.log.clone();
        let next = Coordinator::load(self.now, Self::id(salt), config, log, &mut self.out);
        std::mem::replace(&mut self.coordinator, next).unload(&mut self.out);
        self.collect();
    }

    pub fn removed(&self) -> Vec<(MemberId, Why)> {
        let facts = self.facts.iter();
        facts
            .filter_map(|fact| match fact {
                Fact::MemberRemoved { member, why, .. } => Some((*member, *why)),
                _ => None,
            })
            .collect()
    }
}
