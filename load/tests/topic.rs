//! The topic entry against librdkafka's mock cluster.

#![allow(clippy::unwrap_used)]

mod support;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use squall_check::Kind;
use squall_load::Target;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::{count, run, spec, topic};

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("signups", 6, 3).unwrap();
    cluster
}

fn target(servers: String, more: &[(&str, &str)]) -> Target {
    let mut settings = BTreeMap::from([
        ("bootstrap.servers".to_owned(), servers),
        ("acks".to_owned(), "all".to_owned()),
    ]);
    settings.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Target::Topic { settings }
}

#[test]
fn reports_give_each_event_its_place() {
    let cluster = cluster();
    let mut load = topic();
    load.headers.insert("ce_type".into(), "user_signup".into());
    let (report, ops) = run(
        spec(load, 2000, 50_000),
        target(cluster.bootstrap_servers(), &[("linger.ms", "2")]),
    );
    assert_eq!(report.accepted, 2000, "{report:?}");
    let places: BTreeSet<(i32, i64)> = ops
        .iter()
        .filter(|op| op.kind == Kind::Accepted)
        .map(|op| (op.partition, op.offset))
        .collect();
    assert_eq!(places.len(), 2000, "each at a place of its own");

    // What lies at a reported place is that event.
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "test")
        .create()
        .unwrap();
    let wanted = ops
        .iter()
        .find(|op| op.kind == Kind::Accepted && op.event.sequence() == 1234)
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset("signups", wanted.partition, Offset::Offset(wanted.offset))
        .unwrap();
    consumer.assign(&assignment).unwrap();
    let message = consumer.poll(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(message.key(), Some(&b"k4"[..]));
    assert_eq!(
        message.payload(),
        Some(&br#"{"type":"user_signup","data":{"user":"k4","said":"a \"b\"\n"}}"#[..])
    );
    let headers: Vec<_> = message
        .headers()
        .unwrap()
        .iter()
        .map(|header| (header.key, header.value.unwrap()))
        .collect();
    assert_eq!(
        headers,
        [("ce_type", &b"user_signup"[..]), ("ce_id", b"7421-0-1234")]
    );
}

#[test]
fn a_full_queue_holds_the_load_back_and_loses_nothing() {
    let cluster = cluster();
    let (report, _) = run(
        spec(topic(), 3000, 1_000),
        target(
            cluster.bootstrap_servers(),
            &[("queue.buffering.max.messages", "20")],
        ),
    );
    assert_eq!(report.accepted, 3000, "{report:?}");
}

#[test]
fn too_large_is_rejected() {
    let cluster = cluster();
    let mut load = topic();
    load.size_bytes = Some(5000);
    let (report, _) = run(
        spec(load, 20, 1_000),
        target(
            cluster.bootstrap_servers(),
            &[("message.max.bytes", "2000")],
        ),
    );
    assert_eq!(report.rejected, 20, "{report:?}");
}

#[test]
fn brokers_that_are_gone_leave_events_indeterminate() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    (1..=3).for_each(|broker| cluster.broker_down(broker).unwrap());
    let mut load = topic();
    load.timeout_ns = 400_000_000;
    let (report, ops) = run(spec(load, 100, 1_000), target(servers, &[]));
    assert_eq!(count(&ops, Kind::Indeterminate), 100, "{report:?}");
}

#[test]
fn an_error_that_the_broker_keeps_answering_is_unknown() {
    let cluster = cluster();
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    let errors = vec![RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 1];
    cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    let (report, ops) = run(
        spec(topic(), 200, 100_000),
        target(cluster.bootstrap_servers(), &[]),
    );
    assert!(report.indeterminate > 0, "{report:?}");
    assert_eq!(report.accepted + report.indeterminate, 200);
    assert_eq!(count(&ops, Kind::Offered), 200);
}
