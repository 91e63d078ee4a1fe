//! The topic tap and the lag watch against librdkafka's mock cluster.

#![allow(clippy::unwrap_used)]

mod support;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};
use squall_check::Kind;
use squall_observe::{LagSpec, LagWatch, Store, Tap, TapError, TapState};
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::time::Duration;
use support::{History, WITHIN, id, ids, some, spec, wait_for};

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("out", 3, 3).unwrap();
    cluster
}

fn settings(cluster: &MockCluster<'_, DefaultProducerContext>) -> BTreeMap<String, String> {
    // Settings for producers come along and must not matter.
    BTreeMap::from([
        ("bootstrap.servers".to_owned(), cluster.bootstrap_servers()),
        ("acks".to_owned(), "all".to_owned()),
        ("auto.offset.reset".to_owned(), "latest".to_owned()),
    ])
}

fn produce(
    cluster: &MockCluster<'_, DefaultProducerContext>,
    topic: &str,
    events: impl Iterator<Item = String>,
) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .create()
        .unwrap();
    for (index, id) in events.enumerate() {
        let headers = OwnedHeaders::new()
            .insert(Header {
                key: "other",
                value: Some("x"),
            })
            .insert(Header {
                key: "ce_id",
                value: Some(&id),
            });
        let body = format!("{{\"id\":\"{id}\"}}");
        let record = BaseRecord::to(topic)
            .key(&id)
            .payload(&body)
            .headers(headers)
            .partition((index % 3) as i32);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WITHIN).unwrap();
}

fn tap(
    history: &History,
    cluster: &MockCluster<'_, DefaultProducerContext>,
    topic: &str,
    id: IdPlace,
) -> Tap {
    let store = Store::Topic {
        topic: topic.into(),
        id,
        settings: settings(cluster),
    };
    Tap::start(spec(store), history.watch.clone()).unwrap()
}

#[test]
fn records_are_read_live_and_up_to_their_ends() {
    for place in [
        IdPlace::Header("ce_id".into()),
        IdPlace::Key,
        IdPlace::Json("/id".into()),
        IdPlace::Body,
    ] {
        let (history, cluster) = (History::new(), cluster());
        produce(&cluster, "out", (0..300).map(id));
        let tap = tap(&history, &cluster, "out", place);
        wait_for("the first records", || tap.status().seen == 300);
        produce(
            &cluster,
            "out",
            (300..600).map(id).chain(["other".to_owned(), id(7)]),
        );
        let read = tap.finish(WITHIN).unwrap();
        assert_eq!(
            (read.effects, read.foreign, read.problems.len()),
            (602, 1, 0)
        );
        assert_eq!(read.ends.values().sum::<i64>(), 602);
        let ops = history.ops();
        let mut wanted = some(0..600);
        wanted.extend([None, Some(7)]);
        wanted.sort_unstable();
        assert_eq!(ids(&ops, Kind::Effect), wanted);
        let places: std::collections::BTreeSet<_> =
            ops.iter().map(|op| (op.partition, op.offset)).collect();
        assert_eq!(places.len(), 602);
    }
}

#[test]
fn an_empty_topic_is_read_to_its_end() {
    let (history, cluster) = (History::new(), cluster());
    let tap = tap(&history, &cluster, "out", IdPlace::Key);
    wait_for("a watching tap", || {
        tap.status().state == TapState::Watching
    });
    let read = tap.finish(WITHIN).unwrap();
    assert_eq!((read.effects, read.ends.len()), (0, 3));
}

#[test]
fn brokers_that_stay_away_make_the_final_read_fail() {
    let (history, cluster) = (History::new(), cluster());
    produce(&cluster, "out", (0..30).map(id));
    let tap = tap(&history, &cluster, "out", IdPlace::Key);
    wait_for("the records", || tap.status().seen == 30);
    (1..=3).for_each(|broker| cluster.broker_down(broker).unwrap());
    let error = tap.finish(Duration::from_millis(500)).unwrap_err();
    assert!(
        matches!(error, TapError::Topic { .. } | TapError::TooLate { .. }),
        "{error}"
    );
}

#[test]
fn a_broker_that_comes_back_costs_nothing() {
    let (history, cluster) = (History::new(), cluster());
    let tap = tap(&history, &cluster, "out", IdPlace::Key);
    produce(&cluster, "out", (0..30).map(id));
    wait_for("the records", || tap.status().seen == 30);
    cluster.broker_down(1).unwrap();
    cluster.broker_up(1).unwrap();
    produce(&cluster, "out", (30..60).map(id));
    assert_eq!(tap.finish(WITHIN).unwrap().effects, 60);
    assert_eq!(ids(&history.ops(), Kind::Effect), some(0..60));
}

#[test]
fn lag_falls_as_the_group_commits() {
    let (history, cluster) = (History::new(), cluster());
    cluster.create_topic("in", 3, 3).unwrap();
    produce(&cluster, "in", (0..90).map(id));
    produce(&cluster, "out", (0..9).map(id));
    let lag = LagWatch::start(
        LagSpec {
            groups: vec!["relay".into()],
            topics: vec!["in".into(), "out".into()],
            entry_topics: vec!["in".into()],
            settings: settings(&cluster),
        },
        history.watch.clone(),
    )
    .unwrap();
    wait_for("all of it as lag", || {
        lag.latest().groups.get("relay") == Some(&Ok(90))
    });
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "relay")
        .create()
        .unwrap();
    let commit = |offset| {
        let mut offsets = TopicPartitionList::new();
        for partition in 0..3 {
            offsets
                .add_partition_offset("in", partition, Offset::Offset(offset))
                .unwrap();
        }
        member.commit(&offsets, CommitMode::Sync).unwrap();
    };
    commit(20);
    wait_for("less lag", || {
        lag.latest().groups.get("relay") == Some(&Ok(30))
    });
    commit(30);
    wait_for("no lag", || {
        lag.latest().groups.get("relay") == Some(&Ok(0))
    });
    drop(lag);
}
