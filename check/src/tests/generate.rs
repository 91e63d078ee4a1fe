//! Histories to judge: arbitrary ones, and whole ones that hold.

use crate::{EventId, Expected, JudgeSpec, Kind, LoadSpec, Op, Reading, Semantics, SinkSpec};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

pub fn op(kind: Kind, event: EventId, place: u16, partition: i32, offset: i64) -> Op {
    Op {
        at: 0,
        event,
        offset,
        partition,
        place,
        kind,
    }
}

/// Where an event lies in its entry topic: the same for all ops that tell it.
pub fn place_of(event: EventId) -> (i32, i64) {
    let sequence = event.sequence();
    ((sequence % 3) as i32, (sequence / 3 * 2) as i64)
}

pub fn sink_spec(loads: usize) -> impl Strategy<Value = SinkSpec> {
    let semantics = select(vec![
        Semantics::AtMostOnce,
        Semantics::AtLeastOnce,
        Semantics::ExactlyOnce,
    ]);
    let reading = select(vec![Reading::Reread, Reading::Tail]);
    let expected = select(vec![
        Expected::Effect,
        Expected::Effect,
        Expected::DeadLetter,
        Expected::Nothing,
    ]);
    (
        semantics,
        reading,
        any::<bool>(),
        any::<bool>(),
        vec(expected, 0..=loads),
    )
        .prop_map(
            |(semantics, reading, ordered, dead_letters_allowed, expects)| SinkSpec {
                name: String::new(),
                semantics,
                reading,
                ordered,
                dead_letters_allowed,
                expects,
            },
        )
}

pub fn spec(sinks_min: usize) -> impl Strategy<Value = JudgeSpec> {
    let loads = vec(1_u64..100, 1..3);
    (loads, vec(sink_spec(2), sinks_min..4)).prop_map(|(loads, mut sinks)| {
        for (index, sink) in sinks.iter_mut().enumerate() {
            sink.name = format!("sink-{index}");
        }
        let load = |(index, events)| LoadSpec {
            name: format!("load-{index}"),
            events,
        };
        JudgeSpec {
            loads: loads.into_iter().enumerate().map(load).collect(),
            sinks,
            ..JudgeSpec::default()
        }
    })
}

/// What may happen to one event: its ops, in no order yet.
#[derive(Clone, Debug)]
struct Happening {
    event: Index,
    beyond_plan: bool,
    kinds: Vec<Kind>,
    sink: Index,
    tells_place: bool,
    partition: i32,
    key: i64,
    times: usize,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Kind::{Accepted, DeadLettered, Effect, Final, Indeterminate, Offered, Rejected, Stored};
    let kinds = select(vec![
        vec![Offered, Accepted, Effect, Final],
        vec![Offered, Accepted, Effect, Final],
        vec![Offered, Accepted, Final],
        vec![Offered, Accepted],
        vec![Accepted, Effect],
        vec![Offered, Indeterminate, Accepted],
        vec![Offered, Indeterminate, Effect],
        vec![Offered, Rejected],
        vec![Offered, Rejected, Effect],
        vec![Offered],
        vec![Effect],
        vec![Final],
        vec![DeadLettered],
        vec![Offered, Accepted, DeadLettered],
        vec![Offered, Accepted, DeadLettered, Effect],
        vec![Offered, Accepted, Stored],
    ]);
    let event = (any::<Index>(), prop::bool::weighted(0.03));
    (
        event,
        kinds,
        any::<Index>(),
        any::<bool>(),
        0..2_i32,
        -1..4_i64,
        1_usize..3,
    )
        .prop_map(
            |((event, beyond_plan), kinds, sink, tells_place, partition, key, times)| Happening {
                event,
                beyond_plan,
                kinds,
                sink,
                tells_place,
                partition,
                key: if key < 0 { 0 } else { key },
                times: if times == 2 && !tells_place { 2 } else { 1 },
            },
        )
}

/// A spec and ops of all kinds in any order. What the recorder promises is kept: entries speak of planned events only, an
/// event lies in one place, none is both accepted and rejected.
pub fn chaos() -> impl Strategy<Value = (JudgeSpec, Vec<Op>)> {
    (spec(0), vec(happening(), 0..250), any::<u64>()).prop_map(|(spec, happenings, seed)| {
        let mut ops = Vec::new();
        for happening in &happenings {
            happen(&spec, happening, &mut ops);
        }
        shuffle_a_little(&mut ops, seed);
        drop_contradictions(&mut ops);
        if spec.sinks.iter().any(|sink| sink.ordered) {
            drop_second_thoughts(&mut ops);
        }
        (spec, ops)
    })
}

fn happen(spec: &JudgeSpec, what: &Happening, ops: &mut Vec<Op>) {
    let stream = what.event.index(spec.loads.len());
    let events = spec.loads[stream].events;
    let sequence = what.sink.index(usize::MAX) as u64 ^ what.event.index(usize::MAX) as u64;
    let mut event = EventId::new(stream as u16, sequence % events);
    for &kind in &what.kinds {
        let in_sink = matches!(kind, Kind::Effect | Kind::Final | Kind::DeadLettered);
        if in_sink && what.beyond_plan {
            event = if what.tells_place {
                EventId::UNREADABLE
            } else {
                EventId::new(stream as u16, events + sequence % 1_000_000)
            };
        }
        let (partition, offset) = place_of(event);
        let repeats = if in_sink { what.times } else { 1 };
        for _ in 0..repeats {
            ops.push(match kind {
                Kind::Offered => op(kind, event, stream as u16, -1, what.key),
                Kind::Stored => op(kind, event, 0, partition, offset),
                Kind::Accepted if what.tells_place => op(kind, event, 0, partition, offset),
                Kind::Accepted | Kind::Rejected | Kind::Indeterminate => op(kind, event, 0, -1, -1),
                Kind::Effect | Kind::Final | Kind::DeadLettered if spec.sinks.is_empty() => {
                    continue;
                }
                Kind::Effect | Kind::Final | Kind::DeadLettered => {
                    let sink = what.sink.index(spec.sinks.len()) as u16;
                    op(kind, event, sink, what.partition, 7)
                }
            });
        }
    }
}

/// Swaps some neighbours and some far ones.
fn shuffle_a_little(ops: &mut [Op], seed: u64) {
    let mut state = seed | 1;
    let mut next = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % bound.max(1)
    };
    for _ in 0..ops.len() {
        let a = next(ops.len());
        let b = if next(4) == 0 {
            next(ops.len())
        } else {
            (a + next(6)).min(ops.len() - 1)
        };
        ops.swap(a, b);
    }
}

/// The first word on an event stands: a rejection of an accepted event goes, and the other way about. Only its first
/// acceptance may tell a place.
fn drop_contradictions(ops: &mut Vec<Op>) {
    let mut first = std::collections::BTreeMap::new();
    ops.retain(|op| match op.kind {
        Kind::Accepted => first.insert(op.event, Kind::Accepted).is_none_or(|kind| {
            let stays = kind == Kind::Accepted && op.partition < 0;
            first.insert(op.event, kind);
            stays
        }),
        Kind::Rejected => *first.entry(op.event).or_insert(Kind::Rejected) == Kind::Rejected,
        _ => true,
    });
}

/// Order is judged by the first outcome of an event: here it has only one.
fn drop_second_thoughts(ops: &mut Vec<Op>) {
    let mut first = std::collections::BTreeMap::new();
    ops.retain(|op| match op.kind {
        Kind::Accepted | Kind::Rejected | Kind::Indeterminate => {
            *first.entry(op.event).or_insert(op.kind) == op.kind
        }
        _ => true,
    });
}

/// A history that holds, with what it is judged by.
pub fn held() -> impl Strategy<Value = (JudgeSpec, Vec<Op>)> {
    let event = (0..10_u8, 0..5_i64, 1..4_usize);
    (spec(1), vec(event, 1..90)).prop_map(|(mut spec, events)| {
        spec.loads.truncate(1);
        spec.loads[0].events = events.len() as u64;
        let ops = hold(&spec, &events);
        (spec, ops)
    })
}

fn hold(spec: &JudgeSpec, events: &[(u8, i64, usize)]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut finals = Vec::new();
    for (sequence, &(luck, key, lag)) in events.iter().enumerate() {
        let event = EventId::new(0, sequence as u64);
        ops.push(op(Kind::Offered, event, 0, -1, key));
        let (partition, offset) = place_of(event);
        // The first one is always accepted, or the run would prove nothing.
        let (kind, shows) = match luck {
            8 if sequence > 0 => (Kind::Rejected, false),
            9 if sequence > 0 => (Kind::Indeterminate, lag == 1),
            _ => (Kind::Accepted, true),
        };
        ops.push(match kind {
            Kind::Accepted => op(kind, event, 0, partition, offset),
            _ => op(kind, event, 0, -1, -1),
        });
        for (sink, spec) in spec.sinks.iter().enumerate().filter(|_| shows) {
            let repeats = if spec.semantics == Semantics::AtLeastOnce {
                lag
            } else {
                1
            };
            match spec.expected(0) {
                Expected::Nothing => {}
                Expected::DeadLetter => {
                    ops.push(op(Kind::DeadLettered, event, sink as u16, 0, offset));
                }
                Expected::Effect => {
                    for _ in 0..repeats {
                        ops.push(op(Kind::Effect, event, sink as u16, 0, sequence as i64));
                        finals.push(op(Kind::Final, event, sink as u16, -1, sequence as i64));
                    }
                }
            }
        }
    }
    ops.append(&mut finals);
    ops
}
