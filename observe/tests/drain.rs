//! A whole plan's taps, its drain and its final read, against a mock cluster and a hand-made relay.

#![allow(clippy::unwrap_used)]

mod support;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use squall_check::Kind;
use squall_observe::{LagSpec, LagWatch, TapState, Taps, drain};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use support::{History, RUN, WITHIN, id, ids, some, wait_for};

const SYSTEM: &str = r#"
squall-system: 1
name: relay
services:
  relay:
    command: [relay]
    group: relay
entry:
  topic: { name: in, id: body }
  body: "{{id}}"
topics:
  in: { partitions: 1 }
  out: { partitions: 1 }
  dead: { partitions: 1 }
sinks:
  out:
    topic: out
    id: body
    group: relay
    dead_letters: { topic: dead, id: body }
  files:
    directory: "{{run}}/files"
"#;

const SCENARIO: &str = r"
squall: 1
name: drain
system: { use: relay.yaml }
load:
  topic: in
  stages: [{ rate: 10/s, for: 1s }]
";

fn plan(folder: &Path) -> Plan {
    std::fs::write(folder.join("relay.yaml"), SYSTEM).unwrap();
    let file = folder.join("drain.yaml");
    std::fs::write(&file, SCENARIO).unwrap();
    let scenario = squall_plan::scenario::load(&file, &squall_plan::scenario::Request::default());
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems:?}"));
    Plan::derive(&scenario, RUN, Environment::Embedded)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn produce(servers: &str, topic: &str, sequences: std::ops::Range<u64>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .unwrap();
    for sequence in sequences {
        let body = id(sequence);
        let record: BaseRecord<'_, str, str> = BaseRecord::to(topic).payload(&body);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WITHIN).unwrap();
}

#[test]
fn the_drain_ends_when_lag_is_gone_and_the_sinks_are_quiet() {
    let history = History::new();
    let folder = history.folder.path().to_owned();
    let plan = plan(&folder);
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["in", "out", "dead"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let servers = cluster.bootstrap_servers();
    let settings = BTreeMap::from([("bootstrap.servers".to_owned(), servers.clone())]);
    let run = folder.display().to_string();
    let fill = |text: &str| Ok(text.replace("{{run}}", &run));
    let taps = Taps::start(&plan, &settings, fill, |_| None, &history.watch).unwrap();
    let lag = LagSpec {
        groups: vec!["relay".into()],
        topics: vec!["in".into(), "out".into()],
        entry_topics: vec!["in".into()],
        settings,
    };
    let lag = LagWatch::start(lag, history.watch.clone()).unwrap();

    wait_for("a look before there is anything", || {
        lag.latest().groups.get("relay") == Some(&Ok(0))
    });
    produce(&servers, "in", 0..30);
    let none = drain(&plan, &taps, &lag, Duration::ZERO, Duration::ZERO, || false);
    // The look before said 0, which is no bound for what came since.
    assert!(matches!(none.in_flight["out"], None | Some(30)), "{none:?}");
    wait_for("the lag", || {
        lag.latest().groups.get("relay") == Some(&Ok(30))
    });
    let stuck = drain(
        &plan,
        &taps,
        &lag,
        Duration::from_millis(50),
        Duration::from_secs(10),
        || false,
    );
    assert_eq!(stuck.settled_after, None);
    assert!(
        !stuck.complete && stuck.why.contains("relay is 30 behind"),
        "{stuck:?}"
    );
    assert_eq!(
        stuck.in_flight,
        BTreeMap::from([("out".to_owned(), Some(30)), ("files".to_owned(), None)])
    );

    std::fs::create_dir(folder.join("files")).unwrap();
    produce(&servers, "out", 0..28);
    produce(&servers, "dead", 28..30);
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &servers)
        .set("group.id", "relay")
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset("in", 0, Offset::Offset(30))
        .unwrap();
    member.commit(&offsets, CommitMode::Sync).unwrap();
    let done = drain(
        &plan,
        &taps,
        &lag,
        Duration::from_millis(200),
        WITHIN,
        || false,
    );
    assert!(done.complete && done.why.is_empty(), "{done:?}");
    assert_eq!(done.in_flight["out"], Some(0));
    assert!(done.settled_after.unwrap() < done.took, "{done:?}");
    // It has drained already: a second drain is nothing but quiet time and looking.
    let again = drain(&plan, &taps, &lag, Duration::ZERO, WITHIN, || false);
    assert_eq!(again.settled_after, Some(Duration::ZERO), "{again:?}");
    assert_eq!(taps.seen(0), 28);
    assert!(taps.quiet_ns() >= 200_000_000);
    wait_for("the folder", || {
        taps.status()
            .iter()
            .all(|status| status.state == TapState::Watching)
    });
    assert_eq!(taps.problems(), Vec::<String>::new());

    let ends = taps.final_read(WITHIN);
    let found: Vec<_> = ends
        .iter()
        .map(|end| {
            (
                end.name.as_str(),
                end.kind,
                end.read.as_ref().unwrap().effects,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("out", Kind::Effect, 28),
            ("out dead letters", Kind::DeadLettered, 2),
            ("files", Kind::Effect, 0)
        ]
    );
    let ops = history.ops();
    assert_eq!(ids(&ops, Kind::Effect), some(0..28));
    assert_eq!(ids(&ops, Kind::DeadLettered), some(28..30));
}

#[test]
fn a_drain_can_be_stopped() {
    let history = History::new();
    let plan = plan(history.folder.path());
    let run = history.folder.path().display().to_string();
    let nowhere = BTreeMap::from([("bootstrap.servers".to_owned(), "127.0.0.1:1".to_owned())]);
    let fill = |text: &str| Ok(text.replace("{{run}}", &run));
    let taps = Taps::start(&plan, &nowhere, fill, |_| None, &history.watch).unwrap();
    let lag = LagSpec {
        groups: vec!["relay".into()],
        topics: vec!["in".into()],
        entry_topics: vec!["in".into()],
        settings: nowhere,
    };
    let lag = LagWatch::start(lag, history.watch.clone()).unwrap();
    let drained = drain(&plan, &taps, &lag, Duration::ZERO, WITHIN, || true);
    assert!(
        !drained.complete && drained.in_flight["out"].is_none(),
        "{drained:?}"
    );
    let ends = taps.final_read(Duration::from_millis(100));
    assert!(ends.iter().all(|end| end.read.is_err()), "{ends:?}");
}
