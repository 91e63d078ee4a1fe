//! Anomalies the moment they are known, held against the judge.

use super::Feed;
use crate::tests::plan;
use proptest::prelude::*;
use squall_check::{
    AnomalyName, EventId, Expected, Health, Judge, JudgeSpec, Kind, LoadSpec, Op, Reading,
    Semantics, SinkSpec,
};
use squall_history::{Batch, Note, Phase, What};
use squall_plan::Plan;
use squall_plan::scenario::{DeadLetters, Outcome};
use std::collections::BTreeMap;

const SECOND: u64 = 1_000_000_000;

/// Both sinks promise everything, in order; the second wants dead letters where `dead` says so.
fn strict(dead: bool) -> Plan {
    let mut plan = plan();
    for sink in &mut plan.expect.sinks {
        (sink.semantics, sink.ordered) = (Semantics::ExactlyOnce, true);
    }
    plan.expect.dead_letters = DeadLetters::ExpectedOnly;
    plan.loads[0].events = 40;
    if dead {
        plan.loads[0].load.outcomes[1] = Outcome::DeadLetter;
    }
    plan
}

fn op(at: u64, sequence: u64, kind: Kind, place: u16) -> Op {
    Op {
        at,
        event: EventId::new(0, sequence),
        offset: -1,
        partition: -1,
        place,
        kind,
    }
}

/// Two keys.
fn offered(at: u64, sequence: u64) -> Op {
    Op {
        offset: i64::try_from(sequence % 2).unwrap(),
        ..op(at, sequence, Kind::Offered, 0)
    }
}

/// Two partitions.
fn accepted(at: u64, sequence: u64) -> Op {
    Op {
        partition: i32::try_from(sequence % 2).unwrap(),
        offset: i64::try_from(sequence / 2).unwrap(),
        ..op(at, sequence, Kind::Accepted, 0)
    }
}

fn note(feed: &mut Feed, at: u64, what: What) {
    feed.take(Batch::Notes(&[Note::new(at, what)]));
}

fn counts(feed: &Feed) -> BTreeMap<(String, usize), u64> {
    let anomalies = feed.board().anomalies.iter();
    let of = |one: &crate::Anomaly| {
        let sink = one.sink.as_ref().map_or(usize::MAX, |(sink, _)| *sink);
        ((one.told(), sink), one.count)
    };
    anomalies.map(of).collect()
}

fn judge(dead: bool) -> Judge {
    let sink = |name: &str, expected| SinkSpec {
        ordered: true,
        dead_letters_allowed: false,
        expects: vec![expected],
        ..SinkSpec::new(name, Semantics::ExactlyOnce, Reading::Tail)
    };
    let second = if dead {
        Expected::DeadLetter
    } else {
        Expected::Effect
    };
    Judge::new(JudgeSpec {
        loads: vec![LoadSpec {
            name: "load".to_owned(),
            events: 40,
        }],
        sinks: vec![sink("users", Expected::Effect), sink("mailbox", second)],
        ..JudgeSpec::default()
    })
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => Just(Kind::Effect),
        1 => Just(Kind::DeadLettered),
    ]
}

/// Each event's answer, then signs of events in any order, some of them never offered.
fn histories() -> impl Strategy<Value = Vec<Op>> {
    let answers = prop::collection::vec(0..8_u8, 1..36);
    let signs = prop::collection::vec((0..44_u64, kinds(), 0..2_u16), 0..120);
    (answers, signs, any::<prop::sample::Index>()).prop_map(|(answers, signs, early)| {
        let mut ops = Vec::new();
        for (sequence, answer) in (0..).zip(&answers) {
            ops.push(offered(sequence, sequence));
            ops.push(match answer {
                0 => op(sequence, sequence, Kind::Rejected, 0),
                1 => op(sequence, sequence, Kind::Indeterminate, 0),
                _ => accepted(sequence, sequence),
            });
        }
        // Some signs come among the answers, and so before the offer.
        let from = early.index(ops.len());
        for (index, (sequence, kind, place)) in signs.into_iter().enumerate() {
            let at = (from + index * 2).min(ops.len());
            ops.insert(at, op(100, sequence, kind, place));
        }
        ops
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_told_on_the_way_is_what_the_judge_finds(ops in histories(), dead: bool) {
        let mut feed = Feed::new(&strict(dead));
        feed.take(Batch::Ops(&ops));
        note(&mut feed, 200, What::Phase { name: Phase::FinalRead, began: false });
        let mut judge = judge(dead);
        judge.ops(&ops);
        let judged = judge.finish(Health::default());
        let mut expected = BTreeMap::new();
        for anomaly in &judged.anomalies {
            let sink = usize::from(anomaly.sink == "mailbox");
            // A drain that was not shown leaves all that is missing in doubt for the judge.
            let name = match anomaly.name {
                AnomalyName::LostWrite | AnomalyName::Unseen | AnomalyName::Stuck => continue,
                name => name.name(),
            };
            expected.insert((name.to_owned(), sink), anomaly.count);
        }
        let mut found = counts(&feed);
        found.retain(|(name, _), _| !["lost-write", "unseen", "stuck"].contains(&name.as_str()));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn an_effect_out_of_order_is_told_when_it_shows() {
    let mut feed = Feed::new(&strict(false));
    for sequence in 0..5 {
        feed.take(Batch::Ops(&[offered(1, sequence)]));
    }
    // Nobody knows yet whether 4 was accepted, so nothing is told of 2.
    feed.take(Batch::Ops(&[
        accepted(2, 2),
        op(3, 4, Kind::Effect, 0),
        op(4, 2, Kind::Effect, 0),
    ]));
    assert_eq!(counts(&feed), BTreeMap::new());
    feed.take(Batch::Ops(&[accepted(5, 4)]));
    let anomaly = &feed.board().anomalies[0];
    assert_eq!((anomaly.name.as_str(), anomaly.at_ns), ("order", 5));
    assert_eq!(anomaly.events, [EventId::new(0, 2)]);
}

#[test]
fn who_is_passed_is_suspected_while_the_run_goes_on_and_known_at_its_end() {
    let mut feed = Feed::new(&strict(false));
    for sequence in 0..8 {
        feed.take(Batch::Ops(&[offered(1, sequence), accepted(2, sequence)]));
    }
    // 2 and 3 are passed in the first sink; 6 and 7 are the last.
    for sequence in [0, 1, 4, 5] {
        feed.take(Batch::Ops(&[op(3, sequence, Kind::Effect, 0)]));
    }
    for sequence in 0..8 {
        feed.take(Batch::Ops(&[op(3, sequence, Kind::Effect, 1)]));
    }
    feed.set_now(SECOND);
    assert_eq!(counts(&feed), BTreeMap::new(), "too early to say");
    feed.set_now(4 * SECOND);
    let suspected = |count| BTreeMap::from([(("lost-write?".to_owned(), 0), count)]);
    assert_eq!(counts(&feed), suspected(2));
    assert_eq!(feed.board().sinks[0].oldest_ns, Some(1));
    feed.take(Batch::Ops(&[op(5 * SECOND, 3, Kind::Effect, 0)]));
    let mut late = suspected(1);
    late.insert(("order".to_owned(), 0), 1);
    assert_eq!(
        counts(&feed),
        late,
        "one was only late, and so out of order"
    );
    let ended = What::Phase {
        name: Phase::FinalRead,
        began: false,
    };
    note(&mut feed, 6 * SECOND, ended);
    let known = BTreeMap::from([
        (("lost-write".to_owned(), 0), 1),
        (("unseen".to_owned(), 0), 2),
        (("order".to_owned(), 0), 1),
    ]);
    assert_eq!(counts(&feed), known);
}

#[test]
fn what_is_on_its_way_when_the_drain_gives_up_is_stuck() {
    let mut feed = Feed::new(&strict(false));
    for sequence in 0..4 {
        feed.take(Batch::Ops(&[
            offered(1, sequence),
            accepted(2, sequence),
            op(3, sequence, Kind::Effect, 1),
        ]));
    }
    feed.take(Batch::Ops(&[op(3, 2, Kind::Effect, 0)]));
    let in_flight = What::Counter {
        source: "users".to_owned(),
        name: "in-flight".to_owned(),
        value: 2,
    };
    note(&mut feed, 4, in_flight);
    assert_eq!(counts(&feed), BTreeMap::new());
    let gave_up = What::Health {
        key: "drain".to_owned(),
        ok: false,
        detail: "The drain did not end within 30 s: group consumer-db is 2 behind.".to_owned(),
    };
    note(&mut feed, 5, gave_up);
    let stuck = |count| (("stuck".to_owned(), 0), count);
    assert_eq!(counts(&feed), BTreeMap::from([stuck(2)]));
    assert_eq!(feed.board().anomalies[0].at_ns, 5);
    let ended = What::Phase {
        name: Phase::FinalRead,
        began: false,
    };
    note(&mut feed, 6, ended);
    let lost = (("lost-write".to_owned(), 0), 1);
    assert_eq!(counts(&feed), BTreeMap::from([stuck(2), lost]));
}
