//! Expected outcomes that others have published, one row a rule: what is lost, what is held, and where the difference lies.

#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::client::produce;
use cluster::{Cluster, Loss, MS, SECOND, config, partition};
use squall_model::kafka::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

/// A cluster whose only partition is led by broker 1.
fn led_by_one(seed: u64, config: &BrokerConfig, topic: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::new(seed, 3, config);
    cluster.until("three brokers", Cluster::all_alive);
    let replicas = Some(vec![vec![ONE, TWO, THREE]]);
    cluster.create(cluster::TOPIC, -1, replicas, topic);
    assert_eq!(cluster.leader(partition(0)), Some(ONE));
    cluster
}

/// Events that no log of the healed cluster's leader holds.
fn missing(cluster: &mut Cluster, events: &BTreeSet<u64>) -> BTreeSet<u64> {
    cluster.until("a healed cluster", Cluster::all_whole);
    let leader = cluster.leader(partition(0)).unwrap();
    let kept = cluster.log(leader, partition(0));
    let kept: BTreeSet<u64> = kept.into_iter().map(|(_, event, _)| event).collect();
    events.difference(&kept).copied().collect()
}

/// The least and the most that a message between brokers takes, in nanoseconds.
type Link = (u64, u64);

const SLOW: Link = (2 * MS, 6 * MS);
/// Three flights take less than the pause between two events of a producer.
const FAST: Link = (MS / 20, MS / 5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Kill,
    CutOff,
}

/// Producers write to the leader, which dies or is cut off under way; how many accepted events are gone afterwards.
fn race(seed: u64, acks: Acks, producers: usize, end: End, link: Link) -> usize {
    let mut cluster = led_by_one(seed, &config(), &[]);
    cluster.latency = link;
    let (mut accepted, mut asked) = (BTreeSet::new(), BTreeMap::new());
    let (began, mut ended, mut event) = (cluster.now, false, 0);
    let end_at = began + cluster.random.between(100, 200) * MS;
    while cluster.now < began + 600 * MS {
        if !ended && cluster.now >= end_at {
            ended = true;
            match end {
                End::Kill => cluster.crash(ONE, Loss::Process),
                End::CutOff => cluster.isolate(ONE),
            }
        }
        for _ in 0..producers {
            if cluster.is_up(ONE) {
                event += 1;
                asked.insert(
                    cluster.ask(ONE, produce(partition(0), acks, event, None)),
                    event,
                );
            }
        }
        cluster.run(MS);
        // To a producer with acks=0 everything that it sent is accepted.
        let answered = |cluster: &mut Cluster, conn: &ConnId| match cluster.answer(*conn) {
            Some(Some(Response::Produce(results))) => !results[0].error.is_error(),
            _ => acks == Acks::None,
        };
        let done: Vec<u64> = asked
            .iter()
            .filter(|(conn, _)| answered(&mut cluster, conn))
            .map(|(_, event)| *event)
            .collect();
        accepted.extend(done);
    }
    cluster.run(4 * SECOND);
    match end {
        End::Kill => cluster.start(ONE),
        End::CutOff => cluster.rejoin(ONE),
    }
    missing(&mut cluster, &accepted).len()
}

/// One row: who writes how, what ends the leader, and over how many of 12 seeds something is lost.
struct Race {
    row: &'static str,
    acks: Acks,
    producers: usize,
    end: End,
    link: Link,
    lost: RangeInclusive<usize>,
}

impl Race {
    fn run(&self) {
        let losses: Vec<usize> = (0..12)
            .map(|seed| race(seed, self.acks, self.producers, self.end, self.link))
            .collect();
        let row = self.row;
        let lost = losses.iter().filter(|lost| **lost > 0).count();
        assert!(self.lost.contains(&lost), "{row}: {losses:?}");
        if self.end == End::Kill {
            // An answer under way, the next fetch and its answer: what is older is on a follower. One event a millisecond.
            let window = usize::try_from(3 * self.link.1 / MS).unwrap() * self.producers;
            let most = losses.iter().max().unwrap();
            assert!(*most <= window, "{row}: {losses:?}, beyond {window}");
        }
    }
}

#[test]
fn k1_to_k6_acks_decide_what_a_lost_leader_takes_with_it() {
    let rows = [
        ("K1", Acks::None, 4, End::Kill, SLOW, 9..=12),
        // A producer that is slower than replication has nothing to lose; one that is not, has.
        ("K2", Acks::Leader, 1, End::Kill, FAST, 0..=0),
        ("K2, slow links", Acks::Leader, 1, End::Kill, SLOW, 9..=12),
        ("K3", Acks::Leader, 10, End::Kill, SLOW, 9..=12),
        ("K4", Acks::All, 10, End::Kill, SLOW, 0..=0),
        ("K5", Acks::Leader, 1, End::CutOff, SLOW, 12..=12),
        ("K6", Acks::All, 1, End::CutOff, SLOW, 0..=0),
    ];
    for (row, acks, producers, end, link, lost) in rows {
        let race = Race {
            row,
            acks,
            producers,
            end,
            link,
            lost,
        };
        race.run();
    }
}

/// K9: the in-sync set shrinks to a leader that is cut off from its followers, goes on, and dies.
fn shrunk_to_one(unclean: bool) -> usize {
    let config = BrokerConfig {
        min_insync_replicas: 1,
        unclean_leader_election: unclean,
        eligible_leader_replicas: false,
        ..config()
    };
    let mut cluster = led_by_one(1, &config, &[]);
    let mut accepted = BTreeSet::new();
    for event in 0..40 {
        if event == 20 {
            cluster.cut(ONE, TWO, true);
            cluster.cut(ONE, THREE, true);
        }
        cluster.must_produce(partition(0), event);
        accepted.insert(event);
    }
    assert_eq!(cluster.state(partition(0)).unwrap().isr, [ONE]);
    cluster.crash(ONE, Loss::Process);
    cluster.cut(ONE, TWO, false);
    cluster.cut(ONE, THREE, false);
    cluster.run(5 * SECOND);
    assert_eq!(cluster.leader(partition(0)).is_some(), unclean);
    cluster.start(ONE);
    missing(&mut cluster, &accepted).len()
}

#[test]
fn k9_an_unclean_election_loses_what_the_last_in_sync_leader_accepted() {
    for (unclean, lost) in [(true, 20), (false, 0)] {
        assert_eq!(shrunk_to_one(unclean), lost, "unclean election {unclean}");
    }
}

#[test]
fn k10_the_first_to_come_back_has_only_the_first_events() {
    for elr in [true, false] {
        let config = BrokerConfig {
            unclean_leader_election: true,
            eligible_leader_replicas: elr,
            ..config()
        };
        let mut cluster = led_by_one(2, &config, &[]);
        for event in 0..70 {
            if event == 50 {
                cluster.crash(ONE, Loss::Process);
            }
            cluster.must_produce(partition(0), event);
        }
        cluster.crash(TWO, Loss::Process);
        cluster.crash(THREE, Loss::Process);
        cluster.run(5 * SECOND);
        cluster.start(ONE);
        cluster.until("a leader", |c| c.leader(partition(0)) == Some(ONE));
        cluster.start(TWO);
        cluster.start(THREE);
        let lost = missing(&mut cluster, &(0..70).collect());
        assert_eq!(lost, (50..70).collect(), "eligible leader replicas {elr}");
    }
}

/// KIP-101, scenario 1: a follower whose high watermark is stale gets a new leader, which dies before the follower has caught up.
fn stale_mark(defects: Defects) -> BTreeSet<u64> {
    let config = BrokerConfig {
        defects,
        ..config()
    };
    let mut cluster = led_by_one(3, &config, &[]);
    cluster.may_lose = true;
    let accepted: BTreeSet<u64> = (0..5).collect();
    for event in &accepted {
        cluster.must_produce(partition(0), *event);
    }
    // The followers hear with their next answer only that the last event is committed.
    cluster.crash(ONE, Loss::Process);
    let mark = cluster.view(THREE, partition(0)).unwrap().high_watermark;
    assert!(mark < 5, "the follower's high watermark is not stale");
    cluster.until("the second leader", |c| c.leader(partition(0)) == Some(TWO));
    cluster.crash(TWO, Loss::Process);
    cluster.until("the third leader", |c| {
        c.leader(partition(0)) == Some(THREE)
    });
    cluster.start(ONE);
    cluster.start(TWO);
    missing(&mut cluster, &accepted)
}

#[test]
fn k11_leader_epochs_make_a_stale_high_watermark_harmless() {
    let before_kip_101 = Defects {
        truncate_to_high_watermark: true,
        ..Defects::default()
    };
    assert!(stale_mark(Defects::default()).is_empty());
    assert_eq!(stale_mark(before_kip_101), BTreeSet::from([4]));
}

/// K14, K16: the in-sync set falls to a leader that then loses what it had not flushed.
fn last_replica_loses_its_tail(eligible: bool, flush: bool) -> usize {
    let config = BrokerConfig {
        eligible_leader_replicas: eligible,
        ..config()
    };
    let flushing = [("flush.messages", "1")];
    let topic: &[(&str, &str)] = if flush { &flushing } else { &[] };
    let mut cluster = led_by_one(4, &config, topic);
    cluster.may_lose = !eligible && !flush;
    let accepted: BTreeSet<u64> = (0..10).collect();
    for event in &accepted {
        cluster.must_produce(partition(0), *event);
    }
    cluster.cut(ONE, TWO, true);
    cluster.cut(ONE, THREE, true);
    // Lag shows only when there is something to lag behind.
    cluster.produce_to(ONE, partition(0), Acks::Leader, 99);
    cluster.until("the last replica", |c| {
        c.state(partition(0)).unwrap().isr == [ONE]
    });
    cluster.crash(ONE, Loss::Power);
    cluster.run(5 * SECOND);
    cluster.cut(ONE, TWO, false);
    cluster.cut(ONE, THREE, false);
    cluster.start(ONE);
    missing(&mut cluster, &accepted).len()
}

#[test]
fn k14_k16_eligible_replicas_or_the_disk_keep_what_the_last_one_loses() {
    let rows = [
        (false, false, 10),
        (true, false, 0),
        (false, true, 0),
        (true, true, 0),
    ];
    for (eligible, flush, lost) in rows {
        let found = last_replica_loses_its_tail(eligible, flush);
        assert_eq!(
            found, lost,
            "eligible leader replicas {eligible}, flush {flush}"
        );
    }
}

/// The leader loses power and is back after a pause, with or without the controller restarting meanwhile.
fn power_lost_and_back(pause_ms: u64, controller_too: bool) {
    let what = format!("back after {pause_ms} ms, controller restarts: {controller_too}");
    let mut cluster = led_by_one(5, &config(), &[]);
    let accepted: BTreeSet<u64> = (0..10).collect();
    for event in &accepted {
        cluster.must_produce(partition(0), *event);
    }
    let epoch = cluster.state(partition(0)).unwrap().leader_epoch;
    let began = cluster.now;
    cluster.crash(ONE, Loss::Power);
    if controller_too {
        cluster.crash(cluster::CONTROLLER, Loss::Process);
    }
    cluster.run(pause_ms * MS);
    cluster.start(ONE);
    cluster.start(cluster::CONTROLLER);
    let lost = missing(&mut cluster, &accepted);
    assert!(lost.is_empty(), "{what}: {lost:?} are gone");
    let led_again = cluster.facts.iter().any(|(at, id, fact)| {
        let again = matches!(fact, Fact::Leading { epoch: of, .. } if *of == epoch);
        *at >= began && *id == ONE && again
    });
    assert!(!led_again, "{what}: it led in epoch {epoch} again");
}

#[test]
fn a_leader_that_lost_power_does_not_lead_on_in_its_old_epoch() {
    for pause_ms in [1, 20, 100, 500, 2_000] {
        for controller_too in [false, true] {
            power_lost_and_back(pause_ms, controller_too);
        }
    }
}
