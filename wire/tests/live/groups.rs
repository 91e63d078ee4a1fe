//! Consumer groups: sharing, handing over, committing.

use crate::common::{Fixture, PATIENCE, names, payload, produce, sorted, start, wait_for};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use squall_wire::kafka::NamedFact;
use std::time::{Duration, Instant};

const SETTINGS: [(&str, &str); 5] = [
    ("group.id", "g"),
    ("auto.offset.reset", "earliest"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "200"),
    ("enable.auto.commit", "false"),
];

fn join(fixture: &Fixture, more: &[(&str, &str)]) -> BaseConsumer {
    let settings: Vec<_> = SETTINGS.iter().chain(more).copied().collect();
    let consumer: BaseConsumer = fixture.client(&settings).create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer
}

fn assigned(consumer: &BaseConsumer) -> usize {
    consumer.assignment().unwrap().count()
}

/// Polls all of them until the partitions are shared as expected; gives what was read meanwhile.
fn share(consumers: &[&BaseConsumer], shares: &[usize]) -> Vec<String> {
    let mut values = Vec::new();
    wait_for("the assignment", || {
        for consumer in consumers {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(5)) {
                values.push(payload(&message));
            }
        }
        let mut counts: Vec<_> = consumers.iter().map(|c| assigned(c)).collect();
        counts.sort_unstable();
        counts == shares
    });
    values
}

fn read(consumers: &[&BaseConsumer], values: &mut Vec<String>, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while values.len() < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count} read",
            values.len()
        );
        for consumer in consumers {
            while let Some(Ok(message)) = consumer.poll(Duration::from_millis(5)) {
                values.push(payload(&message));
            }
        }
    }
}

fn hand_over(strategy: &str) {
    let fixture = start(&[("t", 6)]);
    let strategy = [("partition.assignment.strategy", strategy)];
    let first = join(&fixture, &strategy);
    assert_eq!(share(&[&first], &[6]), [] as [String; 0]);
    let second = join(&fixture, &strategy);
    share(&[&first, &second], &[3, 3]);
    produce(&fixture.producer(&[]), "t", "event", 600);
    let mut values = Vec::new();
    read(&[&first, &second], &mut values, 600);
    assert_eq!(sorted(values), names("event", 600));
    drop(second);
    share(&[&first], &[6]);
}

#[test]
fn two_members_share_and_one_takes_over() {
    hand_over("range");
}

#[test]
fn cooperative_members_share_and_one_takes_over() {
    hand_over("cooperative-sticky");
}

#[test]
fn a_commit_is_where_the_next_member_goes_on() {
    let fixture = start(&[("t", 1)]);
    let facts = fixture.cluster.facts().unwrap();
    produce(&fixture.producer(&[]), "t", "event", 100);
    let first = join(&fixture, &[("client.id", "first")]);
    let mut values = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while values.len() < 40 {
        assert!(Instant::now() < deadline);
        if let Some(Ok(message)) = first.poll(Duration::from_millis(5)) {
            first.commit_message(&message, CommitMode::Sync).unwrap();
            values.push(payload(&message));
        }
    }
    drop(first);
    let second = join(&fixture, &[]);
    read(&[&second], &mut values, 100);
    assert_eq!(sorted(values), names("event", 100));
    let committed = facts.try_iter().any(|f| {
        matches!(&f.fact, NamedFact::Committed { group, client, partition, offset: 40, .. }
            if &**group == "g" && &**client == "first" && partition.to_string() == "t/0")
    });
    assert!(committed, "the fact has readable names");
    let committed = second.committed(PATIENCE).unwrap();
    assert_eq!(
        committed.elements()[0].offset(),
        rdkafka::Offset::Offset(40)
    );
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let fixture = start(&[("t", 4)]);
    let facts = fixture.cluster.facts().unwrap();
    let first = join(&fixture, &[("group.instance.id", "one")]);
    let second = join(&fixture, &[("group.instance.id", "two")]);
    share(&[&first, &second], &[2, 2]);
    let before = rebalances(&facts);
    assert!(before > 0);
    // A static member does not leave when it closes.
    drop(second);
    let again = join(&fixture, &[("group.instance.id", "two")]);
    share(&[&first, &again], &[2, 2]);
    assert_eq!(rebalances(&facts), 0, "no rebalance for a known instance");
}

fn rebalances(facts: &squall_wire::kafka::Facts) -> usize {
    let rebalanced =
        |f: &squall_wire::kafka::StampedFact| matches!(f.fact, NamedFact::Rebalanced { .. });
    facts.try_iter().filter(rebalanced).count()
}
