//! What is encoded here the oracle reads, to the last byte.

use super::versions;
use crate::kafka::codec::{self, Answer, Api, Frame, ListGroupsData, Piece, Reply};
use crate::kafka::names::{Names, member_text};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use squall_model::kafka::{
    self as model, Batch, BatchHeader, BatchKind, Blob, CommittedOffset, Coordinator,
    DescribedGroup, DescribedMember, Entry, EpochEnd, ErrorCode, FetchedPartition, GroupState,
    JoinedMember, ListedGroup, ListedOffset, MemberId, MetadataResponse as MetadataAnswer, Name,
    NodeId, PartitionMetadata, ProducedPartition, Response, TopicMetadata, TopicPartition,
    TopicResult,
};
use std::collections::BTreeMap;

struct World {
    names: Names,
    addresses: BTreeMap<NodeId, (String, u16)>,
}

impl World {
    fn new() -> Self {
        let address = |n: i32| {
            (
                NodeId(n),
                (format!("host{n}"), 9000 + u16::try_from(n).unwrap()),
            )
        };
        Self {
            names: Names::default(),
            addresses: (1..=3).map(address).collect(),
        }
    }

    fn name(&mut self, text: &str) -> Name {
        self.names.intern(text).unwrap()
    }

    fn place(&mut self, topic: &str, partition: i32) -> TopicPartition {
        let topic = self.name(topic);
        TopicPartition { topic, partition }
    }

    fn encode(&self, api: Api, version: i16, reply: &Reply<'_, Bytes>) -> Bytes {
        let answer = Answer {
            names: &self.names,
            addresses: &self.addresses,
            cluster_id: "cluster",
        };
        let frame: Frame<()> = codec::write(api, version, 77, &answer, reply, |w, entry| {
            w.shared(entry.batch.body.clone());
        });
        let mut all = BytesMut::new();
        for piece in frame.pieces {
            match piece {
                Piece::Bytes(bytes) => all.extend_from_slice(&bytes),
                Piece::Elsewhere { .. } => panic!("nothing is elsewhere"),
            }
        }
        all.freeze()
    }

    fn round<T: Decodable + HeaderVersion>(
        &self,
        api: Api,
        version: i16,
        reply: &Reply<'_, Bytes>,
    ) -> T {
        let mut bytes = self.encode(api, version, reply);
        assert_eq!(
            usize::try_from(bytes.get_i32()).unwrap(),
            bytes.len(),
            "{api:?} {version}"
        );
        let header = ResponseHeader::decode(&mut bytes, T::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, 77);
        let body = T::decode(&mut bytes, version)
            .unwrap_or_else(|e| panic!("{api:?} version {version}: {e}"));
        assert!(
            bytes.is_empty(),
            "{api:?} version {version} leaves {bytes:?}"
        );
        body
    }

    fn broker<T: Decodable + HeaderVersion>(
        &self,
        api: Api,
        version: i16,
        response: &Response<Bytes>,
    ) -> T {
        self.round(api, version, &Reply::Broker(response))
    }
}

#[test]
fn produce() {
    let mut world = World::new();
    let produced = |partition, error, base_offset, current_leader| ProducedPartition {
        partition,
        error,
        base_offset,
        log_start_offset: 3,
        current_leader,
    };
    let response = Response::Produce(vec![
        produced(world.place("a", 0), ErrorCode::None, 10, None),
        produced(
            world.place("a", 1),
            ErrorCode::NotLeaderOrFollower,
            -1,
            Some((NodeId(2), 8)),
        ),
        produced(world.place("b", 0), ErrorCode::None, 11, None),
    ]);
    for version in versions(Api::Produce) {
        let read: ProduceResponse = world.broker(Api::Produce, version, &response);
        assert_eq!(read.responses.len(), 2);
        let a = &read.responses[0];
        assert_eq!(&*a.name.0, "a");
        assert_eq!(
            (
                a.partition_responses[0].base_offset,
                a.partition_responses[0].error_code
            ),
            (10, 0)
        );
        assert_eq!(a.partition_responses[1].error_code, 6);
        if version >= 5 {
            assert_eq!(a.partition_responses[0].log_start_offset, 3);
        }
        if version >= 10 {
            let leader = &a.partition_responses[1].current_leader;
            assert_eq!((leader.leader_id.0, leader.leader_epoch), (2, 8));
            assert_eq!(read.node_endpoints.len(), 1);
            assert_eq!(&*read.node_endpoints[0].host, "host2");
        }
    }
}

#[test]
fn fetch() {
    let mut world = World::new();
    let entry = |bytes: Bytes| Entry {
        base_offset: 0,
        leader_epoch: 1,
        batch: Batch {
            header: BatchHeader {
                records: 1,
                bytes: u32::try_from(bytes.len()).unwrap(),
                stamp: None,
                max_timestamp_ms: 0,
                kind: BatchKind::Data,
                transactional: false,
            },
            body: bytes,
        },
    };
    let fetched = |partition, entries| FetchedPartition {
        partition,
        error: ErrorCode::None,
        high_watermark: 100,
        last_stable_offset: 90,
        log_start_offset: 5,
        diverging: Some((3, 33)),
        current_leader: Some((NodeId(1), 4)),
        entries,
    };
    let large = Bytes::from(vec![7; 100_000]);
    let response = Response::Fetch(vec![
        fetched(
            world.place("a", 0),
            vec![entry(Bytes::from_static(b"xyz")), entry(large.clone())],
        ),
        fetched(world.place("a", 1), vec![]),
        fetched(world.place("b", 0), vec![entry(large)]),
    ]);
    for version in versions(Api::Fetch) {
        let read: FetchResponse = world.broker(Api::Fetch, version, &response);
        let a = &read.responses[0].partitions;
        let records = a[0].records.as_ref().unwrap();
        assert_eq!((&records[..3], records.len()), (&b"xyz"[..], 100_003));
        assert_eq!((a[0].high_watermark, a[0].last_stable_offset), (100, 90));
        assert_eq!(a[1].records.as_ref().map(Bytes::len), Some(0));
        assert_eq!(
            read.responses[1].partitions[0]
                .records
                .as_ref()
                .map(Bytes::len),
            Some(100_000)
        );
        if version >= 12 {
            assert_eq!(
                (a[0].diverging_epoch.epoch, a[0].diverging_epoch.end_offset),
                (3, 33)
            );
            assert_eq!(a[0].current_leader.leader_id.0, 1);
        }
        let refused: FetchResponse = world.round(Api::Fetch, version, &Reply::FetchError(70));
        assert_eq!(refused.error_code, if version >= 7 { 70 } else { 0 });
    }
}

#[test]
fn metadata_and_cluster() {
    let mut world = World::new();
    let metadata = MetadataAnswer {
        brokers: vec![NodeId(1), NodeId(3)],
        controller: Some(NodeId(3)),
        topics: vec![TopicMetadata {
            topic: world.name("t"),
            error: ErrorCode::None,
            internal: true,
            partitions: vec![PartitionMetadata {
                partition: 2,
                error: ErrorCode::LeaderNotAvailable,
                leader: None,
                leader_epoch: 6,
                replicas: vec![NodeId(1), NodeId(2)],
                isr: vec![NodeId(1)],
                offline: vec![NodeId(2)],
            }],
        }],
    };
    let response = Response::Metadata(metadata.clone());
    for version in versions(Api::Metadata) {
        let read: MetadataResponse = world.broker(Api::Metadata, version, &response);
        assert_eq!(
            (&*read.brokers[1].host, read.brokers[1].port),
            ("host3", 9003)
        );
        let topic = &read.topics[0];
        assert_eq!(topic.name.as_ref().map(|n| &*n.0), Some("t"));
        let partition = &topic.partitions[0];
        assert_eq!(
            (
                partition.partition_index,
                partition.leader_id.0,
                partition.error_code
            ),
            (2, -1, 5)
        );
        assert_eq!(partition.isr_nodes.len(), 1);
        if version >= 1 {
            assert_eq!((read.controller_id.0, topic.is_internal), (3, true));
        }
        if version >= 7 {
            assert_eq!(partition.leader_epoch, 6);
        }
    }
    for version in versions(Api::DescribeCluster) {
        let reply = Reply::DescribeCluster {
            endpoints: 1,
            metadata: &metadata,
        };
        let read: DescribeClusterResponse = world.round(Api::DescribeCluster, version, &reply);
        assert_eq!(
            (&*read.cluster_id, read.brokers.len(), read.error_code),
            ("cluster", 2, 0)
        );
        let reply = Reply::DescribeCluster {
            endpoints: 2,
            metadata: &metadata,
        };
        let read: DescribeClusterResponse = world.round(Api::DescribeCluster, version, &reply);
        assert_eq!((read.brokers.len(), read.error_code), (0, 114));
    }
}

#[test]
fn offsets() {
    let mut world = World::new();
    let listed = Response::ListOffsets(vec![ListedOffset {
        partition: world.place("t", 1),
        error: ErrorCode::None,
        offset: 12,
        timestamp_ms: 34,
        leader_epoch: 5,
    }]);
    for version in versions(Api::ListOffsets) {
        let read: ListOffsetsResponse = world.broker(Api::ListOffsets, version, &listed);
        let partition = &read.topics[0].partitions[0];
        assert_eq!((partition.offset, partition.timestamp), (12, 34));
        assert_eq!(partition.leader_epoch, if version >= 4 { 5 } else { -1 });
    }
    let ends = Response::OffsetForLeaderEpoch(vec![EpochEnd {
        partition: world.place("t", 1),
        error: ErrorCode::FencedLeaderEpoch,
        epoch: 2,
        end_offset: 20,
    }]);
    for version in versions(Api::OffsetForLeaderEpoch) {
        let read: OffsetForLeaderEpochResponse =
            world.broker(Api::OffsetForLeaderEpoch, version, &ends);
        let partition = &read.topics[0].partitions[0];
        assert_eq!(
            (
                partition.partition,
                partition.error_code,
                partition.leader_epoch,
                partition.end_offset
            ),
            (1, 74, 2, 20)
        );
    }
}

#[test]
fn commits() {
    let mut world = World::new();
    let place = world.place("t", 1);
    let committed = Response::OffsetCommit(vec![(place, ErrorCode::IllegalGeneration)]);
    for version in versions(Api::OffsetCommit) {
        let read: OffsetCommitResponse = world.broker(Api::OffsetCommit, version, &committed);
        assert_eq!(read.topics[0].partitions[0].error_code, 22);
    }
    let fetched = model::OffsetFetchResponse {
        group: world.name("g"),
        error: ErrorCode::None,
        offsets: vec![(
            CommittedOffset {
                partition: place,
                offset: 7,
                leader_epoch: 3,
                metadata: Some(Blob::from(&b"why"[..])),
            },
            ErrorCode::None,
        )],
    };
    for version in versions(Api::OffsetFetch) {
        let both = [fetched.clone(), fetched.clone()];
        let groups = if version >= 8 { &both[..] } else { &both[..1] };
        let read: OffsetFetchResponse =
            world.round(Api::OffsetFetch, version, &Reply::OffsetFetch(groups));
        if version >= 8 {
            let group = &read.groups[1];
            let partition = &group.topics[0].partitions[0];
            assert_eq!((&*group.group_id.0, partition.committed_offset), ("g", 7));
            assert_eq!(partition.metadata.as_deref(), Some("why"));
        } else {
            let partition = &read.topics[0].partitions[0];
            assert_eq!(partition.committed_offset, 7);
            assert_eq!(
                partition.committed_leader_epoch,
                if version >= 5 { 3 } else { -1 }
            );
        }
    }
}

#[test]
fn membership() {
    let mut world = World::new();
    let join = Response::JoinGroup(model::JoinGroupResponse {
        error: ErrorCode::None,
        generation: 4,
        protocol_type: Some(world.name("consumer")),
        protocol: Some(world.name("range")),
        leader: MemberId(9),
        member: MemberId(9),
        members: vec![JoinedMember {
            member: MemberId(9),
            instance: Some(world.name("i")),
            metadata: Blob::from(&b"meta"[..]),
        }],
        skip_assignment: true,
    });
    for version in versions(Api::JoinGroup) {
        let read: JoinGroupResponse = world.broker(Api::JoinGroup, version, &join);
        assert_eq!(
            (read.generation_id, read.protocol_name.as_deref()),
            (4, Some("range"))
        );
        assert_eq!(
            (&*read.leader, &*read.members[0].metadata),
            (&*member_text(MemberId(9)), &b"meta"[..])
        );
        assert_eq!(read.skip_assignment, version >= 9);
    }
    let sync = Response::SyncGroup(model::SyncGroupResponse {
        error: ErrorCode::RebalanceInProgress,
        protocol_type: None,
        protocol: Some(world.name("range")),
        assignment: Blob::from(&b"mine"[..]),
    });
    for version in versions(Api::SyncGroup) {
        let read: SyncGroupResponse = world.broker(Api::SyncGroup, version, &sync);
        assert_eq!((read.error_code, &*read.assignment), (27, &b"mine"[..]));
    }
    let heartbeat = Response::Heartbeat(ErrorCode::UnknownMemberId);
    for version in versions(Api::Heartbeat) {
        let read: HeartbeatResponse = world.broker(Api::Heartbeat, version, &heartbeat);
        assert_eq!(read.error_code, 25);
    }
    let leave = Response::LeaveGroup(model::LeaveGroupResponse {
        error: ErrorCode::None,
        members: vec![(MemberId(9), None, ErrorCode::UnknownMemberId)],
    });
    for version in versions(Api::LeaveGroup) {
        let read: LeaveGroupResponse = world.broker(Api::LeaveGroup, version, &leave);
        let code = if version >= 3 {
            read.members[0].error_code
        } else {
            read.error_code
        };
        assert_eq!(code, 25);
    }
    let found = Response::FindCoordinator(vec![Coordinator {
        group: world.name("g"),
        error: ErrorCode::None,
        node: Some(NodeId(2)),
    }]);
    for version in versions(Api::FindCoordinator) {
        let read: FindCoordinatorResponse = world.broker(Api::FindCoordinator, version, &found);
        let (node, host) = if version >= 4 {
            (
                read.coordinators[0].node_id.0,
                read.coordinators[0].host.clone(),
            )
        } else {
            (read.node_id.0, read.host.clone())
        };
        assert_eq!((node, &*host), (2, "host2"));
    }
}

#[test]
fn groups_admin() {
    let mut world = World::new();
    let group = world.name("g");
    let listed = [ListedGroup {
        group,
        protocol_type: Some(world.name("consumer")),
        state: GroupState::Stable,
    }];
    for version in versions(Api::ListGroups) {
        for (state, count) in [("stable", 1), ("Empty", 0)] {
            let filter = ListGroupsData {
                states: vec![state.to_owned()],
                types: vec![],
            };
            let reply = Reply::ListGroups {
                filter: &filter,
                listed: &listed,
            };
            let read: ListGroupsResponse = world.round(Api::ListGroups, version, &reply);
            assert_eq!(read.groups.len(), count);
        }
    }
    let described = Response::DescribeGroups(vec![DescribedGroup {
        group,
        error: ErrorCode::None,
        state: GroupState::PreparingRebalance,
        protocol_type: None,
        protocol: None,
        coordinator: NodeId(1),
        members: vec![DescribedMember {
            member: MemberId(1),
            instance: None,
            client: world.name("rdkafka"),
            metadata: Blob::from(&b"m"[..]),
            assignment: Blob::from(&b"a"[..]),
        }],
    }]);
    for version in versions(Api::DescribeGroups) {
        let read: DescribeGroupsResponse = world.broker(Api::DescribeGroups, version, &described);
        assert_eq!(
            (
                &*read.groups[0].group_state,
                &*read.groups[0].members[0].client_id
            ),
            ("PreparingRebalance", "rdkafka")
        );
    }
    let deleted = Response::DeleteGroups(vec![(group, ErrorCode::NonEmptyGroup)]);
    for version in versions(Api::DeleteGroups) {
        let read: DeleteGroupsResponse = world.broker(Api::DeleteGroups, version, &deleted);
        assert_eq!(read.results[0].error_code, 68);
    }
}

#[test]
fn topics_admin() {
    let mut world = World::new();
    let topic = world.name("t");
    let result = TopicResult {
        topic,
        error: ErrorCode::TopicAlreadyExists,
        message: Some("there already".to_owned()),
        partitions: 6,
        replication_factor: 3,
    };
    let created = Response::CreateTopics(vec![result.clone()]);
    for version in versions(Api::CreateTopics) {
        let read: CreateTopicsResponse = world.broker(Api::CreateTopics, version, &created);
        assert_eq!(
            (
                read.topics[0].error_code,
                read.topics[0].error_message.as_deref()
            ),
            (36, Some("there already"))
        );
        assert_eq!(
            read.topics[0].num_partitions,
            if version >= 5 { 6 } else { -1 }
        );
    }
    let deleted = Response::DeleteTopics(vec![(topic, ErrorCode::None)]);
    for version in versions(Api::DeleteTopics) {
        let read: DeleteTopicsResponse = world.broker(Api::DeleteTopics, version, &deleted);
        assert_eq!(read.responses.len(), 1);
    }
    let grown = Response::CreatePartitions(vec![result]);
    for version in versions(Api::CreatePartitions) {
        let read: CreatePartitionsResponse = world.broker(Api::CreatePartitions, version, &grown);
        assert_eq!(read.results[0].error_code, 36);
    }
    let init = Response::InitProducerId(model::InitProducerIdResponse {
        error: ErrorCode::None,
        producer_id: 1000,
        producer_epoch: 1,
    });
    for version in versions(Api::InitProducerId) {
        let read: InitProducerIdResponse = world.broker(Api::InitProducerId, version, &init);
        assert_eq!((read.producer_id.0, read.producer_epoch), (1000, 1));
    }
}

#[test]
fn configs_and_versions() {
    let world = World::new();
    let described = [codec::DescribedResource {
        resource: codec::ConfigResource {
            kind: codec::RESOURCE_TOPIC,
            name: "t".to_owned(),
            keys: Some(vec!["retention.ms".to_owned()]),
        },
        error: ErrorCode::None,
        entries: vec![
            ("retention.ms".to_owned(), "-1".to_owned(), false),
            ("cleanup.policy".to_owned(), "delete".to_owned(), true),
        ],
    }];
    for version in versions(Api::DescribeConfigs) {
        let reply = Reply::DescribeConfigs(&described);
        let read: DescribeConfigsResponse = world.round(Api::DescribeConfigs, version, &reply);
        let configs = &read.results[0].configs;
        assert_eq!(configs.len(), 1, "only the key that was asked for");
        assert_eq!(
            (&*configs[0].name, configs[0].value.as_deref()),
            ("retention.ms", Some("-1"))
        );
    }
    for version in versions(Api::ApiVersions) {
        let read: ApiVersionsResponse = world.round(Api::ApiVersions, version, &Reply::ApiVersions);
        assert_eq!((read.error_code, read.api_keys.len()), (0, Api::ALL.len()));
        let produce = &read.api_keys[0];
        assert_eq!(
            (produce.api_key, produce.min_version, produce.max_version),
            (0, 0, 12)
        );
    }
    let read: ApiVersionsResponse =
        world.round(Api::ApiVersions, 0, &Reply::UnsupportedApiVersions);
    assert_eq!((read.error_code, read.api_keys[0].api_key), (35, 18));
}
