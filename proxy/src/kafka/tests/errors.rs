//! Error answers read as such by the reference codec, in every version.

use super::common::{Wire, framed, opaque_answer, opaque_request, request, settings, uuid};
use crate::kafka::api::Api;
use crate::kafka::{Action, KafkaSettings, Rule, RuleError, Rules, can_answer};
use crate::layer::Side;
use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    HeartbeatRequest, HeartbeatResponse, InitProducerIdResponse, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, MetadataRequest, MetadataResponse,
    OffsetCommitRequest, OffsetCommitResponse, ProduceRequest, ProduceResponse, ResponseHeader,
    SyncGroupRequest, SyncGroupResponse, TopicName, fetch_request, metadata_request,
    offset_commit_request, produce_request,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use std::ops::RangeInclusive;

const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const CORRELATION: i32 = 4711;

fn answering(error: i16) -> KafkaSettings {
    let keys: Vec<i16> = Api::ALL
        .iter()
        .map(|a| a.key)
        .filter(|k| can_answer(*k))
        .collect();
    let rule = Rule::new("error", Action::AnswerError { error }).for_apis(&keys);
    let settings = settings();
    settings.rules.swap(Rules::new(vec![rule]).unwrap());
    settings
}

/// Sends the request in pieces, proves that nothing of it went upstream, and decodes the answer to its last byte.
fn exchange<A: Decodable>(key: i16, version: i16, frame: &[u8]) -> A {
    let settings = answering(NOT_LEADER_OR_FOLLOWER);
    let mut wire = Wire::new(&settings);
    for piece in frame.chunks(7) {
        wire.bytes(Side::Client, piece);
    }
    assert_eq!(wire.to(Side::Upstream), [0u8; 0], "unforwarded");
    let evidence = settings.rules.current().evidence("error").unwrap();
    assert_eq!((evidence.matched, evidence.acted), (1, 1));
    assert_eq!(evidence.acted_ns, Some((wire.now_ns, wire.now_ns)));
    let mut answer = Bytes::copy_from_slice(wire.to(Side::Client));
    assert_eq!(answer.get_u32() as usize, answer.remaining());
    let api = ApiKey::try_from(key).unwrap();
    let header = ResponseHeader::decode(&mut answer, api.response_header_version(version)).unwrap();
    assert_eq!(header.correlation_id, CORRELATION);
    let decoded = A::decode(&mut answer, version).unwrap();
    assert!(
        answer.is_empty(),
        "{} bytes are left in version {version}",
        answer.len()
    );
    decoded
}

fn ask<A: Decodable>(key: i16, version: i16, body: &impl Encodable) -> A {
    exchange(key, version, &request(key, version, CORRELATION, body))
}

fn name(text: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(text))
}

const TOPICS: [(&str, u128, &[i32]); 2] = [("orders", 5, &[0, 3]), ("", 6, &[7])];

/// All versions from `first` on that are known here.
fn versions(key: i16, first: i16) -> RangeInclusive<i16> {
    first..=Api::from_key(key).unwrap().last
}

#[test]
fn produce() {
    for version in versions(0, 3) {
        let topic = |(text, id, partitions): (&'static str, u128, &[i32])| {
            let partition = |index: &i32| {
                produce_request::PartitionProduceData::default()
                    .with_index(*index)
                    .with_records(Some(Bytes::from_static(&[1; 300])))
            };
            let topic = produce_request::TopicProduceData::default()
                .with_partition_data(partitions.iter().map(partition).collect());
            match version {
                13.. => topic.with_topic_id(uuid(id)),
                _ => topic.with_name(name(text)),
            }
        };
        let body = ProduceRequest::default()
            .with_acks(-1)
            .with_topic_data(TOPICS.map(topic).to_vec());
        let answer: ProduceResponse = ask(0, version, &body);
        assert_eq!(answer.responses.len(), 2);
        for (topic, (text, id, partitions)) in answer.responses.iter().zip(TOPICS) {
            match version {
                13.. => assert_eq!(topic.topic_id.as_u128(), id),
                _ => assert_eq!(topic.name, name(text)),
            }
            let indices: Vec<_> = topic.partition_responses.iter().map(|p| p.index).collect();
            assert_eq!(indices, partitions);
            for partition in &topic.partition_responses {
                assert_eq!(partition.error_code, NOT_LEADER_OR_FOLLOWER);
                assert_eq!(partition.base_offset, -1);
                assert_eq!(partition.log_append_time_ms, -1);
            }
        }
    }
}

#[test]
fn fetch() {
    for version in versions(1, 4) {
        let topic = |(text, id, partitions): (&'static str, u128, &[i32])| {
            let partition = |index: &i32| {
                let partition = fetch_request::FetchPartition::default().with_partition(*index);
                match version {
                    17.. => partition.with_replica_directory_id(uuid(9)),
                    _ => partition,
                }
            };
            let topic = fetch_request::FetchTopic::default()
                .with_partitions(partitions.iter().map(partition).collect());
            match version {
                13.. => topic.with_topic_id(uuid(id)),
                _ => topic.with_topic(name(text)),
            }
        };
        let body = FetchRequest::default().with_topics(TOPICS.map(topic).to_vec());
        let answer: FetchResponse = ask(1, version, &body);
        assert_eq!((answer.error_code, answer.session_id), (0, 0));
        for (topic, (text, id, partitions)) in answer.responses.iter().zip(TOPICS) {
            match version {
                13.. => assert_eq!(topic.topic_id.as_u128(), id),
                _ => assert_eq!(topic.topic, name(text)),
            }
            let indices: Vec<_> = topic.partitions.iter().map(|p| p.partition_index).collect();
            assert_eq!(indices, partitions);
            for partition in &topic.partitions {
                assert_eq!(partition.error_code, NOT_LEADER_OR_FOLLOWER);
                assert_eq!(partition.high_watermark, -1);
            }
        }
        if version >= 7 {
            let answer: FetchResponse = ask(1, version, &FetchRequest::default());
            assert_eq!(
                answer.error_code, NOT_LEADER_OR_FOLLOWER,
                "no partition has a place"
            );
        }
    }
}

#[test]
fn metadata() {
    for version in versions(3, 0) {
        let topic = |(text, id, _): (&'static str, u128, &[i32])| {
            let topic =
                metadata_request::MetadataRequestTopic::default().with_name(Some(name(text)));
            match version {
                10.. => topic.with_topic_id(uuid(id)),
                _ => topic,
            }
        };
        let body = MetadataRequest::default().with_topics(Some(TOPICS.map(topic).to_vec()));
        let answer: MetadataResponse = ask(3, version, &body);
        let broker = &answer.brokers[0];
        assert_eq!(
            (broker.node_id.0, broker.port),
            (1, 40_001),
            "where the client is connected"
        );
        for (topic, (text, id, _)) in answer.topics.iter().zip(TOPICS) {
            assert_eq!(topic.error_code, NOT_LEADER_OR_FOLLOWER);
            assert_eq!(topic.name, Some(name(text)));
            assert!(version < 10 || topic.topic_id.as_u128() == id);
        }
    }
}

#[test]
fn a_metadata_request_that_names_no_topic_has_no_place_for_the_error() {
    let settings = answering(5);
    let mut wire = Wire::new(&settings);
    let frame = request(3, 9, 1, &MetadataRequest::default().with_topics(None));
    wire.bytes(Side::Client, &frame);
    assert_eq!(wire.to(Side::Upstream), frame);
    let evidence = settings.rules.current().evidence("error").unwrap();
    assert_eq!((evidence.acted, evidence.passed_over), (0, 1));
}

#[test]
fn offset_commit() {
    // The reference codec writes no later request; version 10 is below.
    for version in 2..=9 {
        let topic = |(text, _, partitions): (&'static str, u128, &[i32])| {
            let partition = |index: &i32| {
                offset_commit_request::OffsetCommitRequestPartition::default()
                    .with_partition_index(*index)
                    .with_committed_metadata(Some(StrBytes::from_static_str("m")))
            };
            offset_commit_request::OffsetCommitRequestTopic::default()
                .with_name(name(text))
                .with_partitions(partitions.iter().map(partition).collect())
        };
        let body = OffsetCommitRequest::default().with_topics(TOPICS.map(topic).to_vec());
        let answer: OffsetCommitResponse = ask(8, version, &body);
        for (topic, (text, _, partitions)) in answer.topics.iter().zip(TOPICS) {
            assert_eq!(topic.name, name(text));
            let told: Vec<_> = topic
                .partitions
                .iter()
                .map(|p| (p.partition_index, p.error_code))
                .collect();
            let expected: Vec<_> = partitions
                .iter()
                .map(|p| (*p, NOT_LEADER_OR_FOLLOWER))
                .collect();
            assert_eq!(told, expected);
        }
    }
}

#[test]
fn offset_commit_by_topic_id() {
    let header = [&[0, 1, b'c', 0][..]].concat();
    let group = [2, b'g', 0, 0, 0, 1, 2, b'm', 0];
    let id = 5u128.to_be_bytes();
    let partition = [&[0, 0, 0, 3][..], &[0; 8], &[0; 4], &[0, 0]].concat();
    let topics = [&[2][..], &id, &[2], &partition, &[0], &[0]].concat();
    let frame = opaque_request(8, 10, CORRELATION, &[&header[..], &group, &topics].concat());
    let answer: OffsetCommitResponse = exchange(8, 10, &frame);
    assert_eq!(answer.topics[0].topic_id.as_bytes(), &id);
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(
        (partition.partition_index, partition.error_code),
        (3, NOT_LEADER_OR_FOLLOWER)
    );
}

#[test]
fn find_coordinator() {
    for version in versions(10, 0) {
        let keys = ["a", "b"].map(StrBytes::from_static_str).to_vec();
        let body = match version {
            4.. => FindCoordinatorRequest::default().with_coordinator_keys(keys.clone()),
            _ => FindCoordinatorRequest::default().with_key(keys[0].clone()),
        };
        let answer: FindCoordinatorResponse = ask(10, version, &body);
        if version < 4 {
            assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
            assert_eq!((answer.node_id.0, answer.port), (-1, -1));
            continue;
        }
        let told: Vec<_> = answer.coordinators.iter().map(|c| c.key.clone()).collect();
        assert_eq!(told, keys);
        let errors: Vec<_> = answer.coordinators.iter().map(|c| c.error_code).collect();
        assert_eq!(errors, [NOT_LEADER_OR_FOLLOWER; 2]);
    }
}

#[test]
fn the_group_protocol() {
    for version in versions(11, 0) {
        let member = StrBytes::from_static_str("member-1");
        let body = JoinGroupRequest::default().with_member_id(member.clone());
        let answer: JoinGroupResponse = ask(11, version, &body);
        assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
        assert_eq!((answer.generation_id, answer.member_id), (-1, member));
    }
    for version in versions(12, 0) {
        let answer: HeartbeatResponse = ask(12, version, &HeartbeatRequest::default());
        assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
    }
    for version in versions(13, 0) {
        let answer: LeaveGroupResponse = ask(13, version, &LeaveGroupRequest::default());
        assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
    }
    for version in versions(14, 0) {
        let answer: SyncGroupResponse = ask(14, version, &SyncGroupRequest::default());
        assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
        assert!(answer.assignment.is_empty());
    }
}

#[test]
fn init_producer_id() {
    for version in versions(22, 0) {
        // Nothing behind the header is read: no client id, no tags.
        let frame = opaque_request(22, version, CORRELATION, &[0xff, 0xff, 0]);
        let answer: InitProducerIdResponse = exchange(22, version, &frame);
        assert_eq!(answer.error_code, NOT_LEADER_OR_FOLLOWER);
        assert_eq!((answer.producer_id.0, answer.producer_epoch), (-1, -1));
    }
}

#[test]
fn the_answer_waits_for_those_before_it() {
    let settings = settings();
    let rule = Rule::new("error", Action::AnswerError { error: 27 }).for_apis(&[12]);
    settings.rules.swap(Rules::new(vec![rule]).unwrap());
    let mut wire = Wire::new(&settings);
    let first = opaque_request(3, 1, 1, &[]);
    let second = request(12, 4, 2, &HeartbeatRequest::default());
    let third = opaque_request(3, 1, 3, &[]);
    wire.bytes(
        Side::Client,
        &[first.clone(), second, third.clone()].concat(),
    );
    assert_eq!(wire.to(Side::Upstream), [first, third].concat());
    assert!(wire.to(Side::Client).is_empty());
    let answers = [1, 3]
        .map(|correlation: i32| framed(&correlation.to_be_bytes()))
        .concat();
    wire.bytes(Side::Upstream, &answers);
    let frames = super::oracle::frames(wire.to(Side::Client));
    let correlations: Vec<_> = frames
        .iter()
        .map(|frame| super::oracle::correlation(frame))
        .collect();
    assert_eq!(correlations, [1, 2, 3]);
}

#[test]
fn a_produce_without_acks_loses_its_connection_instead() {
    let settings = answering(6);
    let mut wire = Wire::new(&settings);
    wire.bytes(Side::Client, &request(0, 9, 1, &ProduceRequest::default()));
    wire.run_until(1_000_000_000);
    assert!(wire.got.reset_ns.is_some());
    assert!(wire.to(Side::Upstream).is_empty() && wire.to(Side::Client).is_empty());
    let evidence = settings.rules.current().evidence("error").unwrap();
    assert_eq!((evidence.acted, evidence.resets), (1, 1));
}

#[test]
fn rules_that_ask_for_too_much_are_refused() {
    let all = Rule::new("all", Action::AnswerError { error: 1 });
    let create = all.clone().for_apis(&[0, 19]);
    let over = Rule::new("over", Action::LoseAnswer).share_ppm(1_000_001);
    let twice = Rule::new("twice", Action::LoseAnswer);
    for (rules, told) in [
        (
            vec![all],
            "rule \"all\": an error answer to every API cannot be made; name APIs with `apis`, of: Produce, Fetch, Metadata, OffsetCommit, FindCoordinator, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, InitProducerId",
        ),
        (
            vec![create],
            "rule \"all\": an error answer to CreateTopics cannot be made; name APIs with `apis`, of: Produce, Fetch, Metadata, OffsetCommit, FindCoordinator, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, InitProducerId",
        ),
        (
            vec![over],
            "rule \"over\": a share of 1000001 parts per million is more than all",
        ),
        (
            vec![twice.clone(), twice.clone()],
            "two rules are named \"twice\": give every rule a name of its own",
        ),
    ] {
        assert_eq!(Rules::new(rules).unwrap_err().to_string(), told);
    }
    let rules = Rules::new(vec![twice.clone()]).unwrap();
    let again: Result<Rules, RuleError> = rules.with(twice);
    assert!(again.is_err());
}

#[test]
fn a_rule_that_ends_before_the_request_is_whole_lets_it_pass() {
    let settings = answering(6);
    let mut wire = Wire::new(&settings);
    let frame = request(0, 9, 1, &ProduceRequest::default().with_acks(1));
    let (begin, rest) = frame.split_at(frame.len() - 1);
    wire.bytes(Side::Client, begin);
    assert!(wire.to(Side::Upstream).is_empty());
    settings.rules.swap(Rules::default());
    wire.bytes(Side::Client, rest);
    assert_eq!(wire.to(Side::Upstream), frame);
    let answer = opaque_answer(1, &[4; 9]);
    wire.bytes(Side::Upstream, &answer);
    assert_eq!(wire.to(Side::Client), answer);
}
