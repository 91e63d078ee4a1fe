//! Counts against an oracle that keeps every row.

use super::Feed;
use crate::tests::plan;
use squall_check::{EventId, Kind, Op};
use squall_history::{Batch, Note, Phase, What};
use std::collections::{BTreeMap, BTreeSet};

/// Pseudo-random rows, the same every time.
fn rows(seed: u64) -> Vec<Op> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut ops = Vec::new();
    let mut offered = 0;
    for at in 0..3000 {
        let mut op = Op {
            at: at * 1_000_000,
            event: EventId::new(0, draw(offered + 2)),
            offset: -1,
            partition: -1,
            place: u16::try_from(draw(2)).unwrap(),
            kind: Kind::Effect,
        };
        op.kind = match draw(7) {
            0 | 1 => {
                op.event = EventId::new(0, offered);
                offered += 1;
                Kind::Offered
            }
            2 => Kind::Accepted,
            3 if draw(4) == 0 => Kind::Rejected,
            3 => Kind::Indeterminate,
            4 => Kind::DeadLettered,
            5 => Kind::Final,
            _ => Kind::Effect,
        };
        ops.push(op);
    }
    ops
}

/// What the definitions say, over all rows.
#[derive(Default)]
struct Oracle {
    offered: BTreeSet<EventId>,
    outcome: BTreeMap<EventId, Kind>,
    rows: BTreeMap<(u16, Kind, EventId), u64>,
}

impl Oracle {
    fn new(ops: &[Op]) -> Self {
        let mut oracle = Self::default();
        for op in ops {
            match op.kind {
                Kind::Offered => drop(oracle.offered.insert(op.event)),
                Kind::Accepted | Kind::Rejected | Kind::Indeterminate => {
                    oracle.outcome.entry(op.event).or_insert(op.kind);
                }
                kind => *oracle.rows.entry((op.place, kind, op.event)).or_default() += 1,
            }
        }
        oracle
    }

    fn has(&self, sink: u16, kind: Kind, event: EventId) -> u64 {
        self.rows.get(&(sink, kind, event)).copied().unwrap_or(0)
    }

    fn count(&self, which: impl Fn(EventId) -> bool) -> u64 {
        self.offered.iter().filter(|event| which(**event)).count() as u64
    }
}

#[test]
fn counts_are_those_of_the_definitions() {
    for seed in 1..40 {
        let ops = rows(seed);
        let mut feed = Feed::new(&plan());
        feed.take(Batch::Ops(&ops));
        let oracle = Oracle::new(&ops);
        let board = feed.board();
        let outcome = |kind| oracle.outcome.values().filter(|k| **k == kind).count() as u64;
        assert_eq!(board.totals.offered, oracle.offered.len() as u64);
        assert_eq!(board.totals.accepted, outcome(Kind::Accepted));
        assert_eq!(board.totals.rejected, outcome(Kind::Rejected));
        assert_eq!(board.totals.indeterminate, outcome(Kind::Indeterminate));
        for sink in 0..2u16 {
            let row = &board.sinks[usize::from(sink)];
            let seen = |event| {
                oracle.has(sink, Kind::Effect, event) + oracle.has(sink, Kind::Final, event) > 0
            };
            let dead = |event| oracle.has(sink, Kind::DeadLettered, event) > 0;
            let accepted = |event| oracle.outcome.get(&event) == Some(&Kind::Accepted);
            let unknown = |event| oracle.outcome.get(&event) == Some(&Kind::Indeterminate);
            let twice = |event| {
                let kinds = [Kind::Effect, Kind::Final];
                kinds.iter().any(|kind| oracle.has(sink, *kind, event) > 1)
            };
            assert_eq!(row.effects, oracle.count(seen), "seed {seed}");
            assert_eq!(row.dead_lettered, oracle.count(dead), "seed {seed}");
            assert_eq!(row.duplicated, oracle.count(twice), "seed {seed}");
            let open = |event| accepted(event) && !seen(event) && !dead(event);
            assert_eq!(row.in_flight, oracle.count(open), "seed {seed}");
            let legal = |event| unknown(event) && seen(event);
            assert_eq!(row.unknown, oracle.count(legal), "seed {seed}");
        }
    }
}

#[test]
fn what_is_missing_is_known_after_the_final_read() {
    let op = |sequence, kind, place| Op {
        at: 5,
        event: EventId::new(0, sequence),
        offset: -1,
        partition: -1,
        place,
        kind,
    };
    let mut feed = Feed::new(&plan());
    for sequence in 0..3 {
        feed.take(Batch::Ops(&[
            op(sequence, Kind::Offered, 0),
            op(sequence, Kind::Accepted, 0),
            op(sequence, Kind::Effect, 1),
        ]));
    }
    feed.take(Batch::Ops(&[op(0, Kind::Effect, 0), op(2, Kind::Final, 0)]));
    assert_eq!(feed.board().sinks[0].unseen, None);
    let ended = Note::new(
        9,
        What::Phase {
            name: Phase::FinalRead,
            began: false,
        },
    );
    feed.take(Batch::Notes(&[ended]));
    let board = feed.board();
    assert_eq!(
        (board.sinks[0].unseen, board.sinks[1].unseen),
        (Some(1), Some(0))
    );
    let [anomaly] = board.anomalies.as_slice() else {
        panic!("{:?}", board.anomalies);
    };
    assert_eq!(anomaly.name, "lost-write", "a later one showed");
    assert_eq!(anomaly.events, [EventId::new(0, 1)]);
}

#[test]
fn memory_is_bounded_however_long_the_run() {
    let mut feed = Feed::new(&plan());
    for sequence in 0..400_000u64 {
        let op = |kind, place| Op {
            at: sequence * 10_000_000,
            event: EventId::new(0, sequence),
            offset: -1,
            partition: -1,
            place,
            kind,
        };
        feed.take(Batch::Ops(&[
            op(Kind::Offered, 0),
            op(Kind::Accepted, 0),
            op(Kind::Effect, 0),
            op(Kind::Effect, 1),
        ]));
    }
    assert_eq!(feed.board().totals.accepted, 400_000);
    assert_eq!(feed.board().sinks[0].in_flight, 0);
    assert!(feed.tracks[0].remembered() <= 1 << 18);
}
