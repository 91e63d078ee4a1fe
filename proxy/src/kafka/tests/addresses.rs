//! Answers that carry addresses decode to the same message but for them, in every version.

use super::common::{Wire, answer, link, opaque_request, request, settings, uuid};
use crate::kafka::api::Api;
use crate::kafka::{Address, AddressMap, Endpoint, KafkaSettings};
use crate::layer::{Layer, Side};
use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, DescribeClusterResponse, FetchResponse,
    FindCoordinatorResponse, MetadataResponse, ProduceRequest, ProduceResponse, ResponseHeader,
    ShareAcknowledgeResponse, ShareFetchResponse, TopicName, api_versions_response,
    describe_cluster_response, fetch_response, find_coordinator_response, metadata_response,
    produce_response, share_acknowledge_response, share_fetch_response,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

const CORRELATION: i32 = 99;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn upstream(node: i32) -> (StrBytes, i32) {
    (text(&format!("kafka-{node}.internal")), 9092)
}

/// Shorter, longer, and one of more than 127 bytes, whose length takes another byte.
fn advertised(node: i32) -> (StrBytes, i32) {
    let host = match node {
        1 => "::1".to_owned(),
        2 => "a-much-longer-name-than-the-one-before.example".to_owned(),
        _ => "x".repeat(140),
    };
    (text(&host), 40_000 + node)
}

fn rewriting() -> KafkaSettings {
    let map = AddressMap::default();
    for node in 1..=3 {
        map.insert(endpoint(node), advertised_address(node));
    }
    KafkaSettings {
        addresses: Some(map),
        ..settings()
    }
}

fn endpoint(node: i32) -> Endpoint {
    let (host, port) = upstream(node);
    Endpoint {
        node,
        address: Address::new(&host, u16::try_from(port).unwrap()),
    }
}

fn advertised_address(node: i32) -> Address {
    let (host, port) = advertised(node);
    Address::new(&host, u16::try_from(port).unwrap())
}

fn ask(wire: &mut Wire, key: i16, version: i16) {
    let frame = match key {
        0 => request(
            0,
            version,
            CORRELATION,
            &ProduceRequest::default().with_acks(1),
        ),
        _ => opaque_request(key, version, CORRELATION, &[]),
    };
    wire.bytes(Side::Client, &frame);
}

fn decode<A: Decodable>(frame: &[u8], key: i16, version: i16) -> A {
    let mut bytes = Bytes::copy_from_slice(frame);
    assert_eq!(bytes.get_u32() as usize, bytes.remaining());
    let api = ApiKey::try_from(key).unwrap();
    let header = ResponseHeader::decode(&mut bytes, api.response_header_version(version)).unwrap();
    assert_eq!(header.correlation_id, CORRELATION);
    let decoded = A::decode(&mut bytes, version).unwrap();
    assert!(bytes.is_empty());
    decoded
}

/// What the client is told when the broker says `body`.
fn told_frame(key: i16, version: i16, body: &impl Encodable) -> Vec<u8> {
    let settings = rewriting();
    let mut wire = Wire::new(&settings);
    ask(&mut wire, key, version);
    for piece in answer(key, version, CORRELATION, body).chunks(11) {
        wire.bytes(Side::Upstream, piece);
    }
    assert_eq!(
        wire.got.ended,
        [false, false],
        "api {key} version {version}"
    );
    wire.to(Side::Client).to_vec()
}

fn told<A: Encodable + Decodable>(key: i16, version: i16, body: &A) -> A {
    decode(&told_frame(key, version, body), key, version)
}

type Where = fn(i32) -> (StrBytes, i32);

/// Every known version: told with the brokers' own addresses, the client reads the advertised ones.
fn in_every_version<A>(key: i16, first: i16, body: impl Fn(i16, Where) -> A)
where
    A: Encodable + Decodable + PartialEq + std::fmt::Debug,
{
    for version in first..=Api::from_key(key).unwrap().last {
        let (says, hears) = (body(version, upstream), body(version, advertised));
        assert_eq!(told(key, version, &says), hears, "version {version}");
        // To the byte: the reference codec does not look at the sizes of tagged fields.
        let expected = answer(key, version, CORRELATION, &hears);
        assert_eq!(
            told_frame(key, version, &says),
            expected,
            "version {version}"
        );
    }
}

#[test]
fn metadata() {
    in_every_version(3, 0, |version, place| {
        let broker = |node| {
            let (host, port) = place(node);
            let broker = metadata_response::MetadataResponseBroker::default()
                .with_node_id(BrokerId(node))
                .with_host(host)
                .with_port(port)
                .with_rack((version >= 1).then(|| text("rack")));
            match version {
                9.. => broker.with_unknown_tagged_field(7, Bytes::from_static(b"new")),
                _ => broker,
            }
        };
        let topic = metadata_response::MetadataResponseTopic::default()
            .with_name(Some(TopicName(text("orders"))));
        MetadataResponse::default()
            .with_brokers([1, 2, 3].map(broker).to_vec())
            .with_topics(vec![topic])
    });
}

#[test]
fn find_coordinator() {
    in_every_version(10, 0, |version, place| {
        let (host, port) = place(2);
        if version < 4 {
            return FindCoordinatorResponse::default()
                .with_node_id(BrokerId(2))
                .with_host(host)
                .with_port(port);
        }
        let found = find_coordinator_response::Coordinator::default()
            .with_key(text("group"))
            .with_node_id(BrokerId(2))
            .with_host(host)
            .with_port(port);
        let none = find_coordinator_response::Coordinator::default()
            .with_key(text("other"))
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(15);
        FindCoordinatorResponse::default().with_coordinators(vec![found, none])
    });
}

#[test]
fn describe_cluster() {
    in_every_version(60, 0, |_, place| {
        let broker = |node| {
            let (host, port) = place(node);
            describe_cluster_response::DescribeClusterBroker::default()
                .with_broker_id(BrokerId(node))
                .with_host(host)
                .with_port(port)
        };
        DescribeClusterResponse::default()
            .with_cluster_id(text("cluster"))
            .with_brokers([1, 2, 3].map(broker).to_vec())
    });
}

#[test]
fn produce_tells_new_leaders() {
    in_every_version(0, 3, |version, place| {
        let partition = produce_response::PartitionProduceResponse::default().with_error_code(6);
        let partition = match version {
            8.. => partition
                .with_error_message(Some(text("moved")))
                .with_record_errors(vec![produce_response::BatchIndexAndErrorMessage::default()]),
            _ => partition,
        };
        let topic = produce_response::TopicProduceResponse::default()
            .with_partition_responses(vec![partition; 3]);
        let response = ProduceResponse::default().with_responses(vec![topic; 2]);
        if version < 10 {
            return response;
        }
        let node = |node| {
            let (host, port) = place(node);
            produce_response::NodeEndpoint::default()
                .with_node_id(BrokerId(node))
                .with_host(host)
                .with_port(port)
                .with_rack(Some(text("rack")))
        };
        response
            .with_node_endpoints([1, 2, 3].map(node).to_vec())
            .with_unknown_tagged_field(9, Bytes::from_static(b"later"))
    });
}

#[test]
fn fetch_tells_new_leaders() {
    in_every_version(1, 4, |version, place| {
        let partition = fetch_response::PartitionData::default()
            .with_error_code(6)
            .with_records(Some(Bytes::from_static(&[1; 500])))
            .with_aborted_transactions(Some(vec![fetch_response::AbortedTransaction::default()]));
        let topic = fetch_response::FetchableTopicResponse::default();
        let topic = match version {
            13.. => topic.with_topic_id(uuid(8)),
            _ => topic.with_topic(TopicName(text("orders"))),
        };
        let topic = topic.with_partitions(vec![partition; 2]);
        let response = FetchResponse::default().with_responses(vec![topic; 2]);
        if version < 16 {
            return response;
        }
        let node = |node| {
            let (host, port) = place(node);
            fetch_response::NodeEndpoint::default()
                .with_node_id(BrokerId(node))
                .with_host(host)
                .with_port(port)
        };
        response.with_node_endpoints([2, 3].map(node).to_vec())
    });
}

#[test]
fn share_fetch() {
    in_every_version(78, 1, |_, place| {
        let node = |node| {
            let (host, port) = place(node);
            share_fetch_response::NodeEndpoint::default()
                .with_node_id(BrokerId(node))
                .with_host(host)
                .with_port(port)
        };
        let partition = share_fetch_response::PartitionData::default()
            .with_records(Some(Bytes::from_static(b"records")))
            .with_acquired_records(vec![share_fetch_response::AcquiredRecords::default(); 2]);
        let topic = share_fetch_response::ShareFetchableTopicResponse::default()
            .with_partitions(vec![partition]);
        ShareFetchResponse::default()
            .with_responses(vec![topic])
            .with_node_endpoints([1, 3].map(node).to_vec())
    });
}

#[test]
fn share_acknowledge() {
    in_every_version(79, 1, |_, place| {
        let (host, port) = place(1);
        let node = share_acknowledge_response::NodeEndpoint::default()
            .with_node_id(BrokerId(1))
            .with_host(host)
            .with_port(port);
        let partition = share_acknowledge_response::PartitionData::default();
        let topic = share_acknowledge_response::ShareAcknowledgeTopicResponse::default()
            .with_partitions(vec![partition]);
        ShareAcknowledgeResponse::default()
            .with_responses(vec![topic])
            .with_node_endpoints(vec![node])
    });
}

#[test]
fn versions_are_clamped_to_what_is_known() {
    let api = |key, first, last| {
        api_versions_response::ApiVersion::default()
            .with_api_key(key)
            .with_min_version(first)
            .with_max_version(last)
    };
    for version in 0..=4 {
        let body = ApiVersionsResponse::default().with_api_keys(vec![
            api(0, 0, 99),
            api(1, 4, 17),
            api(55, 0, 2),
            api(78, 0, 0),
            api(79, 0, 1),
            api(17, 0, 1),
            api(52, 0, 2),
            api(1000, 0, 0),
        ]);
        let body = match version {
            3.. => body.with_finalized_features_epoch(12),
            _ => body,
        };
        let expected = body.clone().with_api_keys(vec![
            api(0, 0, 13),
            api(1, 4, 17),
            api(55, 0, 1),
            api(79, 1, 1),
            api(17, 1, 1),
        ]);
        assert_eq!(told(18, version, &body), expected, "version {version}");
    }
}

#[test]
fn a_broker_that_knows_less_may_say_so_in_version_0() {
    let mut wire = Wire::new(&rewriting());
    ask(&mut wire, 18, 4);
    let body = ApiVersionsResponse::default()
        .with_error_code(35)
        .with_api_keys(vec![
            api_versions_response::ApiVersion::default()
                .with_api_key(18)
                .with_max_version(9),
        ]);
    wire.bytes(Side::Upstream, &answer(18, 0, CORRELATION, &body));
    let heard: ApiVersionsResponse = decode(wire.to(Side::Client), 18, 0);
    assert_eq!(heard.api_keys[0].max_version, 4);
}

#[test]
fn a_client_that_is_newer_is_told_so_here() {
    let mut wire = Wire::new(&rewriting());
    ask(&mut wire, 18, 5);
    assert!(wire.to(Side::Upstream).is_empty());
    let heard: ApiVersionsResponse = decode(wire.to(Side::Client), 18, 0);
    assert_eq!((heard.error_code, heard.api_keys[0].max_version), (35, 4));
}

#[test]
fn what_cannot_be_decoded_does_not_pass() {
    for (key, version) in [(3, 14), (78, 0), (52, 1), (17, 0)] {
        let settings = rewriting();
        let mut wire = Wire::new(&settings);
        ask(&mut wire, key, version);
        assert_eq!(wire.got.ended, [true, true], "api {key} version {version}");
        assert!(wire.to(Side::Upstream).is_empty());
        assert_eq!(settings.flows.snapshot()[&link()].malformed, 1);
    }
}

fn naming(node: i32) -> MetadataResponse {
    let (host, port) = upstream(node);
    let broker = metadata_response::MetadataResponseBroker::default()
        .with_node_id(BrokerId(node))
        .with_host(host)
        .with_port(port);
    MetadataResponse::default().with_brokers(vec![broker])
}

#[test]
fn an_answer_that_names_an_unknown_broker_waits_for_its_address() {
    let settings = rewriting();
    let map = settings.addresses.clone().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    map.on_unknown(move |endpoint| tell.send(endpoint.clone()).unwrap());
    let mut wire = Wire::new(&settings);
    ask(&mut wire, 3, 9);
    let frame = answer(3, 9, CORRELATION, &naming(4));
    wire.bytes(Side::Upstream, &frame);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [endpoint(4)]);
    assert!(
        wire.to(Side::Client).is_empty(),
        "its own address would lead past the proxy"
    );
    assert!(!wire.layer.wants(Side::Upstream));
    map.insert(endpoint(4), Address::new("proxied", 4));
    wire.poke();
    let heard: MetadataResponse = decode(wire.to(Side::Client), 3, 9);
    assert_eq!(
        (heard.brokers[0].host.as_str(), heard.brokers[0].port),
        ("proxied", 4)
    );
    assert_eq!(map.unknown(), []);
    assert_eq!(settings.flows.snapshot()[&link()].rewritten, 1);
}

#[test]
fn a_broker_that_stays_unknown_ends_the_connection() {
    let settings = rewriting();
    let mut wire = Wire::new(&settings);
    ask(&mut wire, 3, 9);
    wire.bytes(Side::Upstream, &answer(3, 9, CORRELATION, &naming(5)));
    wire.run_until(60_000_000_000);
    assert_eq!(wire.got.reset_ns, Some(10_000_001_000));
    assert!(wire.to(Side::Client).is_empty());
    assert_eq!(settings.addresses.unwrap().unknown(), [endpoint(5)]);
}

#[test]
fn a_broker_that_has_moved_is_unknown() {
    let settings = rewriting();
    let mut moved = naming(1);
    moved.brokers[0].port = 9093;
    let mut wire = Wire::new(&settings);
    ask(&mut wire, 3, 9);
    wire.bytes(Side::Upstream, &answer(3, 9, CORRELATION, &moved));
    let unknown = settings.addresses.unwrap().unknown();
    assert_eq!(unknown[0].address.port, 9093);
}
