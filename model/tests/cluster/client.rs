//! What clients ask, one line a call.

use super::{Cluster, OFFSETS, SECOND, TOPIC};
use squall_model::kafka::*;
use std::sync::Arc;

pub fn batch(event: u64, stamp: Option<Stamp>) -> Batch<u64> {
    let header = BatchHeader {
        records: 1,
        bytes: 100,
        stamp,
        max_timestamp_ms: event as i64,
        kind: BatchKind::Data,
        transactional: false,
    };
    Batch {
        header,
        body: event,
    }
}

pub fn produce(of: TopicPartition, acks: Acks, event: u64, stamp: Option<Stamp>) -> Request<u64> {
    Request::Produce(ProduceRequest {
        acks,
        timeout_ms: 2_000,
        partitions: vec![(of, Ok(batch(event, stamp)))],
    })
}

pub fn fetch(of: TopicPartition, offset: Offset, max_wait_ms: i32) -> Request<u64> {
    Request::Fetch(FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        isolation: Isolation::ReadUncommitted,
        partitions: vec![FetchPartition {
            partition: of,
            offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            max_bytes: 1 << 20,
        }],
    })
}

impl Cluster {
    /// Creates a topic on three replicas (or as assigned) and waits until it is whole.
    pub fn create(
        &mut self,
        topic: Name,
        partitions: i32,
        assignment: Option<Vec<Vec<NodeId>>>,
        configs: &[(&str, &str)],
    ) {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        let request = Request::CreateTopics(CreateTopicsRequest {
            topics: vec![NewTopic {
                topic,
                partitions,
                replication_factor: 3,
                assignment,
                configs: configs.iter().map(own).collect(),
            }],
            timeout_ms: 10_000,
            validate_only: false,
        });
        let asked = self.brokers()[0];
        match self.call(asked, request) {
            Some(Response::CreateTopics(results)) => {
                assert_eq!(results[0].error, ErrorCode::None, "{results:?}");
            }
            other => panic!("{other:?}"),
        }
        self.until("whole partitions", Cluster::all_whole);
    }

    /// Produces one event to `id`; error and offset, `None` when the connection closed.
    pub fn produce_to(
        &mut self,
        id: NodeId,
        of: TopicPartition,
        acks: Acks,
        event: u64,
    ) -> Option<(ErrorCode, Offset)> {
        match self.call(id, produce(of, acks, event, None))? {
            Response::Produce(results) => Some((results[0].error, results[0].base_offset)),
            other => panic!("{other:?}"),
        }
    }

    /// Produces with acks=all to the leader and retries until it is acknowledged.
    pub fn must_produce(&mut self, of: TopicPartition, event: u64) -> Offset {
        let limit = self.now + 60 * SECOND;
        while self.now < limit {
            if let Some(leader) = self.leader(of)
                && let Some((ErrorCode::None, offset)) =
                    self.produce_to(leader, of, Acks::All, event)
            {
                return offset;
            }
            self.run(50 * super::MS);
        }
        panic!("event {event} is never acknowledged\n{}", self.describe());
    }

    pub fn fetch_from(&mut self, id: NodeId, of: TopicPartition, at: Offset) -> Vec<u64> {
        match self.call(id, fetch(of, at, 0)) {
            Some(Response::Fetch(parts)) => parts[0]
                .entries
                .iter()
                .map(|entry| entry.batch.body)
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    pub fn latest(&mut self, of: TopicPartition, spec: OffsetSpec) -> ListedOffset {
        let leader = self.leader(of).unwrap();
        let request = Request::ListOffsets(ListOffsetsRequest {
            isolation: Isolation::ReadUncommitted,
            partitions: vec![(of, -1, spec)],
        });
        match self.call(leader, request) {
            Some(Response::ListOffsets(listed)) => listed[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    /// The broker that coordinates a group, however long it takes to find.
    pub fn coordinator(&mut self, group: Name) -> NodeId {
        let limit = self.now + 60 * SECOND;
        while self.now < limit {
            for id in self.brokers() {
                let groups = vec![group];
                if let Some(Response::FindCoordinator(found)) =
                    self.call(id, Request::FindCoordinator { groups })
                    && let (ErrorCode::None, Some(node)) = (found[0].error, found[0].node)
                    && self.is_up(node)
                {
                    return node;
                }
            }
            self.run(100 * super::MS);
        }
        panic!("no coordinator\n{}", self.describe());
    }

    /// Commits an offset without being a member; the error.
    pub fn commit(&mut self, id: NodeId, group: Name, offset: Offset) -> Option<ErrorCode> {
        self.commit_as(id, group, MemberId::NONE, -1, offset)
    }

    pub fn commit_as(
        &mut self,
        id: NodeId,
        group: Name,
        member: MemberId,
        generation: i32,
        offset: Offset,
    ) -> Option<ErrorCode> {
        let request = Request::OffsetCommit(OffsetCommitRequest {
            group,
            generation,
            member,
            instance: None,
            offsets: vec![CommittedOffset {
                partition: super::partition(0),
                offset,
                leader_epoch: -1,
                metadata: None,
            }],
        });
        match self.call(id, request)? {
            Response::OffsetCommit(results) => Some(results[0].1),
            other => panic!("{other:?}"),
        }
    }

    /// The committed offset, once the coordinator can tell.
    pub fn committed(&mut self, group: Name) -> Offset {
        let limit = self.now + 60 * SECOND;
        while self.now < limit {
            let node = self.coordinator(group);
            let request = Request::OffsetFetch(OffsetFetchRequest {
                group,
                partitions: Some(vec![super::partition(0)]),
            });
            if let Some(Response::OffsetFetch(fetched)) = self.call(node, request)
                && fetched.error == ErrorCode::None
                && fetched.offsets[0].1 == ErrorCode::None
            {
                return fetched.offsets[0].0.offset;
            }
            self.run(100 * super::MS);
        }
        panic!("the commit cannot be read");
    }

    pub fn join_request(group: Name, member: MemberId) -> Request<u64> {
        Request::JoinGroup(JoinGroupRequest {
            group,
            member,
            instance: None,
            client: Name(9),
            session_timeout_ms: 6_000,
            rebalance_timeout_ms: 6_000,
            protocol_type: Name(20),
            protocols: vec![(Name(21), Arc::from([1u8]))],
            member_id_required: true,
        })
    }

    /// Joins a group as its only member: (member, generation).
    pub fn join_alone(&mut self, id: NodeId, group: Name) -> (MemberId, i32) {
        let join = |cluster: &mut Self, member| match cluster
            .call(id, Self::join_request(group, member))
        {
            Some(Response::JoinGroup(joined)) => joined,
            other => panic!("{other:?}"),
        };
        let first = join(self, MemberId::NONE);
        assert_eq!(first.error, ErrorCode::MemberIdRequired);
        let joined = join(self, first.member);
        assert_eq!(joined.error, ErrorCode::None);
        assert_eq!(joined.leader, joined.member);
        let request = Request::SyncGroup(SyncGroupRequest {
            group,
            generation: joined.generation,
            member: joined.member,
            instance: None,
            protocol_type: Some(Name(20)),
            protocol: Some(Name(21)),
            assignments: vec![(joined.member, Arc::from([5u8]))],
        });
        match self.call(id, request) {
            Some(Response::SyncGroup(synced)) => {
                assert_eq!(synced.error, ErrorCode::None);
                assert_eq!(&synced.assignment[..], &[5u8]);
            }
            other => panic!("{other:?}"),
        }
        (joined.member, joined.generation)
    }

    pub fn heartbeat(
        &mut self,
        id: NodeId,
        group: Name,
        member: MemberId,
        generation: i32,
    ) -> Option<ErrorCode> {
        let request = Request::Heartbeat(HeartbeatRequest {
            group,
            generation,
            member,
            instance: None,
        });
        match self.call(id, request)? {
            Response::Heartbeat(error) => Some(error),
            other => panic!("{other:?}"),
        }
    }

    /// Whether the topic of committed offsets is there and whole.
    pub fn has_offsets_topic(&self) -> bool {
        let whole = |partition| {
            self.is_whole(TopicPartition {
                topic: OFFSETS,
                partition,
            })
        };
        whole(0)
    }

    pub fn producer_id(&mut self, id: NodeId) -> i64 {
        let request = InitProducerIdRequest {
            transactional_id: None,
            producer_id: -1,
            producer_epoch: -1,
        };
        match self.call(id, Request::InitProducerId(request)) {
            Some(Response::InitProducerId(given)) => {
                assert_eq!(given.error, ErrorCode::None);
                given.producer_id
            }
            other => panic!("{other:?}"),
        }
    }

    pub const fn topic(&self) -> Name {
        TOPIC
    }
}
