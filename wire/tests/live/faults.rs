//! What was acknowledged by all in-sync replicas survives what may happen to one broker.

use crate::common::{
    Deliveries, Fixture, PATIENCE, produce, send, sorted, start_watchful, wait_for,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use squall_wire::kafka::{CommandError, Disk, NamedFact};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn leader(fixture: &Fixture, topic: &str) -> i32 {
    let consumer: BaseConsumer = fixture.client(&[]).create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    metadata.topics()[0].partitions()[0].leader()
}

fn patient(fixture: &Fixture) -> BaseProducer<Deliveries> {
    fixture.producer(&[
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("linger.ms", "1"),
        ("batch.num.messages", "50"),
        ("retry.backoff.ms", "20"),
        ("retry.backoff.max.ms", "100"),
        ("reconnect.backoff.max.ms", "100"),
    ])
}

/// Everything that was acknowledged is there, and nothing twice.
fn assert_survived(fixture: &Fixture, producer: &BaseProducer<Deliveries>) {
    let acknowledged = producer.context().acknowledged();
    let read = sorted(fixture.read_all("t"));
    let mut distinct = read.clone();
    distinct.dedup();
    assert_eq!(
        distinct.len(),
        read.len(),
        "an idempotent producer writes nothing twice"
    );
    for value in acknowledged {
        assert!(read.binary_search(&value).is_ok(), "{value} is lost");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_killed() {
    let fixture = start_watchful(&[("t", 1)]);
    let facts = fixture.cluster.facts().unwrap();
    let producer = patient(&fixture);
    let killed = leader(&fixture, "t");
    for number in 0..3000 {
        send(&producer, "t", &format!("event-{number}"));
        if number == 1000 {
            wait_for("the first acknowledgement", || {
                producer.poll(std::time::Duration::from_millis(1));
                producer.context().count() > 100
            });
            fixture.cluster.kill(killed).unwrap();
        }
    }
    producer.flush(PATIENCE).unwrap();
    assert_eq!(producer.context().errors(), []);
    assert_eq!(producer.context().count(), 3000);
    assert_ne!(leader(&fixture, "t"), killed);
    assert_survived(&fixture, &producer);
    let moved = facts.try_iter().any(|f| {
        matches!(&f.fact, NamedFact::Elected { partition, leader: Some(to), clean: true, .. }
            if partition.to_string() == "t/0" && *to != killed)
    });
    assert!(moved, "the move of the leader is a fact");
    fixture.cluster.restart(killed).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    produce(&producer, "t", "after", 100);
    assert_eq!(producer.context().errors(), []);
    assert_survived(&fixture, &producer);
}

#[test]
fn power_loss_of_one_broker_loses_nothing_acknowledged() {
    let fixture = start_watchful(&[("t", 1)]);
    let producer = patient(&fixture);
    produce(&producer, "t", "before", 1000);
    let victim = leader(&fixture, "t");
    fixture.cluster.lose_power(victim).unwrap();
    produce(&producer, "t", "during", 1000);
    fixture.cluster.restart(victim).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    produce(&producer, "t", "after", 1000);
    assert_eq!(producer.context().errors(), []);
    assert_eq!(producer.context().count(), 3000);
    assert_survived(&fixture, &producer);
}

#[test]
fn a_broker_that_is_shut_down_hands_its_leadership_over_first() {
    let fixture = start_watchful(&[("t", 1)]);
    let producer = patient(&fixture);
    produce(&producer, "t", "before", 100);
    let leaving = leader(&fixture, "t");
    fixture.cluster.shut_down(leaving).unwrap();
    assert_ne!(leader(&fixture, "t"), leaving);
    produce(&producer, "t", "after", 100);
    fixture.cluster.restart(leaving).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    assert_eq!(producer.context().errors(), []);
    assert_survived(&fixture, &producer);
}

#[test]
fn commands_that_make_no_sense_are_refused() {
    let fixture = start_watchful(&[]);
    let cluster = &fixture.cluster;
    assert_eq!(cluster.kill(4), Err(CommandError::NoSuchBroker(4)));
    assert_eq!(cluster.kill(0), Err(CommandError::NoSuchBroker(0)));
    assert_eq!(cluster.restart(1), Err(CommandError::Running(1)));
    cluster.kill(1).unwrap();
    assert_eq!(cluster.kill(1), Err(CommandError::NotRunning(1)));
    assert_eq!(
        cluster.set_blocked(1, 9, true),
        Err(CommandError::NoSuchNode(9))
    );
}

#[test]
fn a_blocked_link_fences_the_broker_and_heals() {
    let fixture = start_watchful(&[("t", 1)]);
    let facts = fixture.cluster.facts().unwrap();
    let cut = leader(&fixture, "t");
    for node in (0..=3).filter(|n| *n != cut) {
        fixture.cluster.set_blocked(cut, node, true).unwrap();
        fixture.cluster.set_blocked(node, cut, true).unwrap();
    }
    wait_for("the fencing", || {
        facts
            .try_iter()
            .any(|f| matches!(f.fact, NamedFact::Fenced { broker, .. } if broker == cut))
    });
    let held = fixture.cluster.link_stats(cut, 0).unwrap().held;
    assert!(held > 0, "the heartbeats to the controller waited");
    for node in (0..=3).filter(|n| *n != cut) {
        fixture.cluster.set_blocked(cut, node, false).unwrap();
        fixture.cluster.set_blocked(node, cut, false).unwrap();
    }
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    let producer = patient(&fixture);
    produce(&producer, "t", "after", 100);
    assert_eq!(producer.context().errors(), []);
}

#[test]
fn every_broker_may_be_killed_in_turn() {
    let fixture = start_watchful(&[("t", 6)]);
    let producer = patient(&fixture);
    let mut sent = 0;
    for broker in [1, 2, 3, 1, 2, 3] {
        fixture.cluster.kill(broker).unwrap();
        for _ in 0..300 {
            send(&producer, "t", &format!("event-{sent}"));
            sent += 1;
        }
        fixture.cluster.restart(broker).unwrap();
        fixture.cluster.wait_ready(PATIENCE).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    assert_eq!(producer.context().errors(), []);
    assert_eq!(producer.context().count(), sent);
    assert_survived(&fixture, &producer);
}

#[test]
fn a_paused_broker_takes_connections_answers_nobody_and_goes_on_with_all_that_waited() {
    let fixture = start_watchful(&[("t", 1)]);
    let facts = fixture.cluster.facts().unwrap();
    let producer = patient(&fixture);
    produce(&producer, "t", "before", 100);
    let victim = leader(&fixture, "t");
    fixture.cluster.pause(victim).unwrap();
    assert_eq!(
        fixture.cluster.pause(victim),
        Err(CommandError::Paused(victim))
    );
    let asked = ask_versions(&fixture, victim);
    let (mut moved, mut shrank) = (false, false);
    wait_for("another leader, and a smaller in-sync set", || {
        for fact in facts.try_iter() {
            match fact.fact {
                NamedFact::Elected {
                    partition,
                    leader: Some(to),
                    ..
                } => {
                    moved |= partition.to_string() == "t/0" && to != victim;
                }
                NamedFact::IsrChanged { partition, to, .. } => {
                    shrank |= partition.to_string() == "t/0" && !to.contains(&victim);
                }
                _ => {}
            }
        }
        moved && shrank
    });
    assert!(
        answer(&asked, Duration::from_millis(50)).is_err(),
        "it answered"
    );
    // The client knows the paused leader still: what it asks waits there, and is refused in the end.
    for number in 0..100 {
        send(&producer, "t", &format!("during-{number}"));
    }
    assert_eq!(
        fixture.cluster.shut_down(victim),
        Err(CommandError::Paused(victim))
    );
    fixture.cluster.resume(victim).unwrap();
    assert_eq!(
        fixture.cluster.resume(victim),
        Err(CommandError::NotPaused(victim))
    );
    answer(&asked, PATIENCE).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    produce(&producer, "t", "after", 100);
    assert_eq!(producer.context().errors(), []);
    assert_survived(&fixture, &producer);
}

#[test]
fn a_paused_broker_can_be_killed_and_comes_back_awake() {
    let fixture = start_watchful(&[("t", 1)]);
    fixture.cluster.pause(2).unwrap();
    fixture.cluster.kill(2).unwrap();
    assert_eq!(fixture.cluster.resume(2), Err(CommandError::NotPaused(2)));
    assert_eq!(fixture.cluster.pause(2), Err(CommandError::NotRunning(2)));
    fixture.cluster.restart(2).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    answer(&ask_versions(&fixture, 2), PATIENCE).unwrap();
}

/// A connection on which ApiVersions 0 has been asked.
fn ask_versions(fixture: &Fixture, broker: i32) -> TcpStream {
    let index = usize::try_from(broker - 1).unwrap();
    let mut stream = TcpStream::connect(fixture.cluster.addresses()[index]).unwrap();
    // Length, key 18, version 0, correlation 1, no client id.
    let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255];
    stream.write_all(&request).unwrap();
    stream
}

fn answer(mut stream: &TcpStream, within: Duration) -> std::io::Result<()> {
    stream.set_read_timeout(Some(within))?;
    stream.read_exact(&mut [0; 8])
}

#[test]
fn a_broker_whose_disk_is_full_halts_and_nothing_acknowledged_is_lost() {
    let fixture = start_watchful(&[("t", 1)]);
    let producer = patient(&fixture);
    produce(&producer, "t", "before", 100);
    let victim = leader(&fixture, "t");
    fixture.cluster.set_disk(victim, Disk::Full).unwrap();
    produce(&producer, "t", "during", 100);
    assert_eq!(fixture.cluster.disk_stats(victim).unwrap().halts, 1);
    assert_eq!(
        fixture.cluster.kill(victim),
        Err(CommandError::NotRunning(victim))
    );
    assert_ne!(leader(&fixture, "t"), victim);
    fixture.cluster.set_disk(victim, Disk::Sound).unwrap();
    fixture.cluster.restart(victim).unwrap();
    fixture.cluster.wait_ready(PATIENCE).unwrap();
    produce(&producer, "t", "after", 100);
    assert_eq!(fixture.cluster.disk_stats(victim).unwrap().halts, 1);
    assert_eq!(producer.context().errors(), []);
    assert_eq!(producer.context().count(), 300);
    assert_survived(&fixture, &producer);
}

/// The client of a broker that halts is told why, in the answer to the very append, before its connection ends.
#[test]
fn the_append_that_finds_no_room_is_answered_with_a_storage_error() {
    let fixture = start_watchful(&[("t", 1)]);
    let producer = fixture.producer(&[("acks", "1"), ("retries", "0"), ("linger.ms", "0")]);
    produce(&producer, "t", "before", 1);
    let victim = leader(&fixture, "t");
    fixture.cluster.set_disk(victim, Disk::Full).unwrap();
    produce(&producer, "t", "refused", 1);
    assert_eq!(
        producer.context().errors(),
        [rdkafka::types::RDKafkaErrorCode::KafkaStorageError]
    );
}

#[test]
fn on_a_slow_disk_appends_are_acknowledged_once_they_are_on_it() {
    let fixture = start_watchful(&[("t", 1)]);
    let producer = fixture.producer(&[("acks", "1"), ("linger.ms", "0")]);
    produce(&producer, "t", "before", 1);
    let victim = leader(&fixture, "t");
    let slow = Duration::from_millis(300);
    fixture.cluster.set_disk(victim, Disk::Slow(slow)).unwrap();
    let begun = Instant::now();
    produce(&producer, "t", "slow", 1);
    assert!(begun.elapsed() >= slow, "{:?}", begun.elapsed());
    assert!(fixture.cluster.disk_stats(victim).unwrap().slow_writes > 0);
    fixture.cluster.set_disk(victim, Disk::Sound).unwrap();
    produce(&producer, "t", "after", 100);
    assert_eq!(producer.context().errors(), []);
    assert_survived(&fixture, &producer);
}
