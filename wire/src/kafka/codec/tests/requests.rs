//! What the oracle encodes reads the same here.

use super::{frame, read, text, versions};
use crate::kafka::codec::{Api, Call};
use crate::kafka::names::{Names, member_text};
use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::messages::{
    create_partitions_request::CreatePartitionsTopic,
    create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    describe_configs_request::DescribeConfigsResource,
    fetch_request::{FetchPartition, FetchTopic},
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    metadata_request::MetadataRequestTopic,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch_request::{
        OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    },
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    produce_request::{PartitionProduceData, TopicProduceData},
    sync_group_request::SyncGroupRequestAssignment,
};
use kafka_protocol::protocol::StrBytes;
use squall_model::kafka::{Isolation, MemberId, NodeId, OffsetSpec, Request, TopicPartition};

fn place(names: &Names, topic: &str, partition: i32) -> TopicPartition {
    let topic = names.find(topic).unwrap();
    TopicPartition { topic, partition }
}

fn member() -> StrBytes {
    StrBytes::from_string(member_text(MemberId(42)))
}

macro_rules! broker {
    ($call:expr, $variant:ident) => {
        match $call {
            Call::Broker(Request::$variant(request)) => request,
            other => panic!("{other:?}"),
        }
    };
}

#[test]
fn produce() {
    for version in versions(Api::Produce) {
        let partition = |index, records: &'static [u8]| {
            PartitionProduceData::default()
                .with_index(index)
                .with_records(Some(Bytes::from_static(records)))
        };
        let topic = TopicProduceData::default()
            .with_name(text("signups").into())
            .with_partition_data(vec![partition(3, b"abc"), partition(4, b"")]);
        let body = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(1500)
            .with_topic_data(vec![topic]);
        let mut names = Names::default();
        let Call::Produce(data) = read(&frame(Api::Produce, version, &body), &mut names).unwrap()
        else {
            panic!("not a produce")
        };
        assert_eq!((data.acks, data.timeout_ms), (-1, 1500));
        let expected = [
            (
                place(&names, "signups", 3),
                Some(Bytes::from_static(b"abc")),
            ),
            (place(&names, "signups", 4), Some(Bytes::new())),
        ];
        assert_eq!(data.partitions, expected);
    }
}

#[test]
fn fetch() {
    for version in versions(Api::Fetch) {
        let mut partition = FetchPartition::default()
            .with_partition(2)
            .with_fetch_offset(1 << 40)
            .with_partition_max_bytes(1000);
        if version >= 9 {
            partition.current_leader_epoch = 5;
        }
        if version >= 12 {
            partition.last_fetched_epoch = 4;
        }
        let topic = FetchTopic::default()
            .with_topic(text("t").into())
            .with_partitions(vec![partition]);
        let mut body = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(2000)
            .with_isolation_level(1)
            .with_topics(vec![topic]);
        if version >= 7 {
            body.session_id = 9;
        }
        let mut names = Names::default();
        let Call::Fetch(data) = read(&frame(Api::Fetch, version, &body), &mut names).unwrap()
        else {
            panic!("not a fetch")
        };
        assert_eq!(data.session, if version >= 7 { 9 } else { 0 });
        let request = data.request;
        assert_eq!(
            (
                request.max_wait_ms,
                request.min_bytes,
                request.max_bytes,
                request.isolation
            ),
            (500, 1, 2000, Isolation::ReadCommitted)
        );
        let partition = request.partitions[0];
        assert_eq!(partition.partition, place(&names, "t", 2));
        assert_eq!((partition.offset, partition.max_bytes), (1 << 40, 1000));
        assert_eq!(
            partition.current_leader_epoch,
            if version >= 9 { 5 } else { -1 }
        );
        assert_eq!(
            partition.last_fetched_epoch,
            if version >= 12 { 4 } else { -1 }
        );
    }
}

#[test]
fn list_offsets() {
    for version in versions(Api::ListOffsets) {
        let at = |index, timestamp| {
            ListOffsetsPartition::default()
                .with_partition_index(index)
                .with_timestamp(timestamp)
        };
        let topic = ListOffsetsTopic::default()
            .with_name(text("t").into())
            .with_partitions(vec![at(0, -1), at(1, -2), at(2, 1234)]);
        let body = ListOffsetsRequest::default().with_topics(vec![topic]);
        let mut names = Names::default();
        let call = read(&frame(Api::ListOffsets, version, &body), &mut names).unwrap();
        let request = broker!(call, ListOffsets);
        let specs: Vec<_> = request
            .partitions
            .iter()
            .map(|p| (p.0.partition, p.1, p.2))
            .collect();
        assert_eq!(
            specs,
            [
                (0, -1, OffsetSpec::Latest),
                (1, -1, OffsetSpec::Earliest),
                (2, -1, OffsetSpec::Timestamp(1234)),
            ]
        );
    }
}

#[test]
fn metadata() {
    for version in versions(Api::Metadata) {
        let topic = MetadataRequestTopic::default().with_name(Some(text("t").into()));
        let mut body = MetadataRequest::default().with_topics(Some(vec![topic]));
        if version >= 4 {
            body.allow_auto_topic_creation = false;
        }
        let mut names = Names::default();
        let request = broker!(
            read(&frame(Api::Metadata, version, &body), &mut names).unwrap(),
            Metadata
        );
        assert_eq!(request.topics, Some(vec![names.find("t").unwrap()]));
        assert_eq!(request.allow_auto_topic_creation, version < 4);
        let every = if version == 0 { Some(vec![]) } else { None };
        let body = MetadataRequest::default().with_topics(every);
        let request = broker!(
            read(&frame(Api::Metadata, version, &body), &mut names).unwrap(),
            Metadata
        );
        assert_eq!(request.topics, None);
    }
}

#[test]
fn offset_commit() {
    for version in versions(Api::OffsetCommit) {
        let mut partition = OffsetCommitRequestPartition::default()
            .with_partition_index(1)
            .with_committed_offset(100)
            .with_committed_metadata(Some(text("why")));
        if version >= 6 {
            partition.committed_leader_epoch = 7;
        }
        let topic = OffsetCommitRequestTopic::default()
            .with_name(text("t").into())
            .with_partitions(vec![partition]);
        let mut body = OffsetCommitRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id_or_member_epoch(3)
            .with_member_id(member())
            .with_topics(vec![topic]);
        if version >= 7 {
            body.group_instance_id = Some(text("i"));
        }
        let mut names = Names::default();
        let call = read(&frame(Api::OffsetCommit, version, &body), &mut names).unwrap();
        let request = broker!(call, OffsetCommit);
        assert_eq!((request.generation, request.member), (3, MemberId(42)));
        assert_eq!(
            request.instance.map(|i| names.text(i)),
            (version >= 7).then_some("i")
        );
        let offset = &request.offsets[0];
        assert_eq!(
            (offset.partition, offset.offset),
            (place(&names, "t", 1), 100)
        );
        assert_eq!(offset.leader_epoch, if version >= 6 { 7 } else { -1 });
        assert_eq!(offset.metadata.as_deref(), Some(&b"why"[..]));
    }
}

#[test]
fn offset_fetch() {
    for version in versions(Api::OffsetFetch) {
        let body = if version >= 8 {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(text("t").into())
                .with_partition_indexes(vec![0, 1]);
            let group = |name| OffsetFetchRequestGroup::default().with_group_id(text(name).into());
            OffsetFetchRequest::default().with_groups(vec![
                group("g").with_topics(Some(vec![topic])),
                group("all").with_topics(None),
            ])
        } else {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(text("t").into())
                .with_partition_indexes(vec![0, 1]);
            OffsetFetchRequest::default()
                .with_group_id(text("g").into())
                .with_topics(Some(vec![topic]))
        };
        let mut names = Names::default();
        let call = read(&frame(Api::OffsetFetch, version, &body), &mut names).unwrap();
        let Call::OffsetFetch(groups) = call else {
            panic!("not an offset fetch")
        };
        let both = vec![place(&names, "t", 0), place(&names, "t", 1)];
        assert_eq!(groups[0].partitions, Some(both));
        assert_eq!(groups.len(), if version >= 8 { 2 } else { 1 });
        assert!(groups.iter().skip(1).all(|g| g.partitions.is_none()));
    }
}

#[test]
fn find_coordinator() {
    for version in versions(Api::FindCoordinator) {
        let body = if version >= 4 {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g"), text("h")])
        } else {
            FindCoordinatorRequest::default().with_key(text("g"))
        };
        let mut names = Names::default();
        let call = read(&frame(Api::FindCoordinator, version, &body), &mut names).unwrap();
        let Call::FindCoordinator(data) = call else {
            panic!("not a find coordinator")
        };
        let keys: Vec<_> = data.keys.iter().map(|k| names.text(*k)).collect();
        assert_eq!(
            keys,
            if version >= 4 {
                vec!["g", "h"]
            } else {
                vec!["g"]
            }
        );
    }
}

#[test]
fn join_group() {
    for version in versions(Api::JoinGroup) {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(Bytes::from_static(b"meta"));
        let mut body = JoinGroupRequest::default()
            .with_group_id(text("g").into())
            .with_session_timeout_ms(6000)
            .with_member_id(member())
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        if version >= 1 {
            body.rebalance_timeout_ms = 9000;
        }
        if version >= 5 {
            body.group_instance_id = Some(text("i"));
        }
        if version >= 8 {
            body.reason = Some(text("because"));
        }
        let mut names = Names::default();
        let call = read(&frame(Api::JoinGroup, version, &body), &mut names).unwrap();
        let request = broker!(call, JoinGroup);
        assert_eq!(request.member, MemberId(42));
        assert_eq!(
            request.rebalance_timeout_ms,
            if version >= 1 { 9000 } else { 6000 }
        );
        assert_eq!(request.member_id_required, version >= 4);
        assert_eq!(
            request.instance.map(|i| names.text(i)),
            (version >= 5).then_some("i")
        );
        assert_eq!(names.text(request.client), "tester");
        assert_eq!(names.text(request.protocol_type), "consumer");
        assert_eq!(names.text(request.protocols[0].0), "range");
        assert_eq!(&*request.protocols[0].1, b"meta");
    }
}

#[test]
fn sync_heartbeat_and_leave() {
    let mut names = Names::default();
    for version in versions(Api::SyncGroup) {
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(member())
            .with_assignment(Bytes::from_static(b"parts"));
        let mut body = SyncGroupRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(2)
            .with_member_id(member())
            .with_assignments(vec![assignment]);
        if version >= 5 {
            body.protocol_name = Some(text("range"));
        }
        let call = read(&frame(Api::SyncGroup, version, &body), &mut names).unwrap();
        let request = broker!(call, SyncGroup);
        assert_eq!((request.generation, request.member), (2, MemberId(42)));
        assert_eq!(
            request.protocol.map(|p| names.text(p)),
            (version >= 5).then_some("range")
        );
        assert_eq!(&*request.assignments[0].1, b"parts");
    }
    for version in versions(Api::Heartbeat) {
        let body = HeartbeatRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(2)
            .with_member_id(member());
        let call = read(&frame(Api::Heartbeat, version, &body), &mut names).unwrap();
        let request = broker!(call, Heartbeat);
        assert_eq!((request.generation, request.member), (2, MemberId(42)));
    }
    for version in versions(Api::LeaveGroup) {
        let body = LeaveGroupRequest::default().with_group_id(text("g").into());
        let body = if version >= 3 {
            body.with_members(vec![MemberIdentity::default().with_member_id(member())])
        } else {
            body.with_member_id(member())
        };
        let call = read(&frame(Api::LeaveGroup, version, &body), &mut names).unwrap();
        assert_eq!(broker!(call, LeaveGroup).members, [(MemberId(42), None)]);
    }
}

#[test]
fn groups_admin() {
    let mut names = Names::default();
    for version in versions(Api::DescribeGroups) {
        let body = DescribeGroupsRequest::default().with_groups(vec![text("g").into()]);
        let call = read(&frame(Api::DescribeGroups, version, &body), &mut names).unwrap();
        assert!(
            matches!(call, Call::Broker(Request::DescribeGroups { groups }) if groups.len() == 1)
        );
    }
    for version in versions(Api::DeleteGroups) {
        let body = DeleteGroupsRequest::default().with_groups_names(vec![text("g").into()]);
        let call = read(&frame(Api::DeleteGroups, version, &body), &mut names).unwrap();
        assert!(
            matches!(call, Call::Broker(Request::DeleteGroups { groups }) if groups.len() == 1)
        );
    }
    for version in versions(Api::ListGroups) {
        let mut body = ListGroupsRequest::default();
        if version >= 4 {
            body.states_filter = vec![text("Stable")];
        }
        let call = read(&frame(Api::ListGroups, version, &body), &mut names).unwrap();
        let Call::ListGroups(filter) = call else {
            panic!("not a list groups")
        };
        assert_eq!(filter.states.len(), usize::from(version >= 4));
    }
}

#[test]
fn topics_admin() {
    let mut names = Names::default();
    for version in versions(Api::CreateTopics) {
        let assignment = |index: i32, brokers: &[i32]| {
            CreatableReplicaAssignment::default()
                .with_partition_index(index)
                .with_broker_ids(brokers.iter().map(|b| (*b).into()).collect())
        };
        let config = CreatableTopicConfig::default()
            .with_name(text("min.insync.replicas"))
            .with_value(Some(text("2")));
        let topic = CreatableTopic::default()
            .with_name(text("t").into())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment(1, &[2, 3]), assignment(0, &[1, 2])])
            .with_configs(vec![config]);
        let body = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(10)
            .with_validate_only(true);
        let call = read(&frame(Api::CreateTopics, version, &body), &mut names).unwrap();
        let request = broker!(call, CreateTopics);
        assert!(request.validate_only);
        let topic = &request.topics[0];
        let assignment = [[1, 2].map(NodeId).to_vec(), [2, 3].map(NodeId).to_vec()];
        assert_eq!(topic.assignment.as_deref(), Some(&assignment[..]));
        assert_eq!(topic.configs["min.insync.replicas"], "2");
    }
    for version in versions(Api::DeleteTopics) {
        let body = DeleteTopicsRequest::default().with_topic_names(vec![text("t").into()]);
        let call = read(&frame(Api::DeleteTopics, version, &body), &mut names).unwrap();
        assert!(
            matches!(call, Call::Broker(Request::DeleteTopics { topics, .. }) if topics.len() == 1)
        );
    }
    for version in versions(Api::CreatePartitions) {
        let topic = CreatePartitionsTopic::default()
            .with_name(text("t").into())
            .with_count(9)
            .with_assignments(None);
        let body = CreatePartitionsRequest::default().with_topics(vec![topic]);
        let call = read(&frame(Api::CreatePartitions, version, &body), &mut names).unwrap();
        assert!(
            matches!(call, Call::Broker(Request::CreatePartitions { topics, .. }) if topics[0].1 == 9)
        );
    }
}

#[test]
fn the_rest() {
    let mut names = Names::default();
    for version in versions(Api::InitProducerId) {
        let mut body = InitProducerIdRequest::default().with_transactional_id(None);
        if version >= 3 {
            body.producer_id = 5.into();
            body.producer_epoch = 1;
        }
        let call = read(&frame(Api::InitProducerId, version, &body), &mut names).unwrap();
        let request = broker!(call, InitProducerId);
        let expected = if version >= 3 { (5, 1) } else { (-1, -1) };
        assert_eq!((request.producer_id, request.producer_epoch), expected);
    }
    for version in versions(Api::OffsetForLeaderEpoch) {
        let partition = OffsetForLeaderPartition::default()
            .with_partition(1)
            .with_current_leader_epoch(3)
            .with_leader_epoch(2);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(text("t").into())
            .with_partitions(vec![partition]);
        let body = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let call = read(
            &frame(Api::OffsetForLeaderEpoch, version, &body),
            &mut names,
        )
        .unwrap();
        let queries = broker!(call, OffsetForLeaderEpoch);
        assert_eq!((queries[0].current_leader_epoch, queries[0].epoch), (3, 2));
    }
    for version in versions(Api::DescribeConfigs) {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configuration_keys(None);
        let body = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let call = read(&frame(Api::DescribeConfigs, version, &body), &mut names).unwrap();
        assert!(matches!(call, Call::DescribeConfigs(r) if r[0].kind == 2 && r[0].name == "t"));
    }
    for version in versions(Api::DescribeCluster) {
        let body = DescribeClusterRequest::default();
        let call = read(&frame(Api::DescribeCluster, version, &body), &mut names).unwrap();
        assert!(matches!(call, Call::DescribeCluster { endpoints: 1 }));
    }
    for version in versions(Api::ApiVersions) {
        let body = ApiVersionsRequest::default();
        let call = read(&frame(Api::ApiVersions, version, &body), &mut names).unwrap();
        assert!(matches!(call, Call::ApiVersions));
    }
}

#[test]
fn an_api_versions_request_from_the_future_is_told_so() {
    let mut frame = bytes::BytesMut::new();
    for field in [18i16, 99] {
        frame.extend_from_slice(&field.to_be_bytes());
    }
    frame.extend_from_slice(&77i32.to_be_bytes());
    frame.extend_from_slice(b"whatever version 99 has here");
    let frame = frame.freeze();
    let mut reader = crate::kafka::codec::Reader::new(&frame);
    let header = crate::kafka::codec::RequestHeader::read(&mut reader).unwrap();
    assert!(header.unsupported_api_versions);
    assert_eq!((header.version, header.correlation), (0, 77));
}
