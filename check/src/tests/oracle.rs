//! The slow and obvious judge: sets and lists, each definition written out anew. It knows nothing of rows and chunks.

use crate::{AnomalyName, EventId, Expected, JudgeSpec, Kind, Op, Reading, Semantics};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default, Debug, PartialEq, Eq)]
pub struct Found {
    /// Anomaly and sink to count.
    pub counts: BTreeMap<(AnomalyName, usize), u64>,
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    pub unanswered: u64,
    /// By sink.
    pub sinks: Vec<Ledger>,
    /// In at least one sink.
    pub missing: BTreeSet<EventId>,
    /// The history contradicts itself.
    pub is_broken: bool,
    pub order_undecided: u64,
}

#[derive(Default, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub due: u64,
    pub effects: u64,
    pub missing: u64,
    pub surplus: u64,
    pub dead_lettered: u64,
}

struct Facts {
    offered: BTreeMap<EventId, i64>,
    accepted: BTreeSet<EventId>,
    rejected: BTreeSet<EventId>,
    indeterminate: BTreeSet<EventId>,
    places: BTreeMap<EventId, (i32, i64)>,
    has_repeats: bool,
}

fn gather(ops: &[Op]) -> Facts {
    let mut facts = Facts {
        offered: BTreeMap::new(),
        accepted: BTreeSet::new(),
        rejected: BTreeSet::new(),
        indeterminate: BTreeSet::new(),
        places: BTreeMap::new(),
        has_repeats: false,
    };
    for op in ops {
        match op.kind {
            Kind::Offered => {
                facts.has_repeats |= facts.offered.contains_key(&op.event);
                facts.offered.entry(op.event).or_insert(op.offset);
            }
            Kind::Accepted => {
                facts.accepted.insert(op.event);
            }
            Kind::Rejected => {
                facts.rejected.insert(op.event);
            }
            Kind::Indeterminate => {
                facts.indeterminate.insert(op.event);
            }
            _ => {}
        }
        if matches!(op.kind, Kind::Accepted | Kind::Stored) && op.partition >= 0 && op.offset >= 0 {
            facts.places.insert(op.event, (op.partition, op.offset));
        }
    }
    facts
}

/// Judges ops with all health given. `ops` has no probes.
pub fn judge(spec: &JudgeSpec, ops: &[Op]) -> Found {
    let facts = gather(ops);
    let mut found = Found::default();
    let answered = |event: &EventId| {
        facts.accepted.contains(event)
            || facts.rejected.contains(event)
            || facts.indeterminate.contains(event)
    };
    let all: BTreeSet<EventId> = ops.iter().map(|op| op.event).collect();
    for event in &all {
        let offered = facts.offered.contains_key(event);
        found.offered += u64::from(offered);
        if facts.accepted.contains(event) {
            found.accepted += 1;
        } else if facts.indeterminate.contains(event) {
            found.indeterminate += 1;
        } else if facts.rejected.contains(event) {
            found.rejected += 1;
        } else if offered {
            found.indeterminate += 1;
            found.unanswered += 1;
        }
        found.is_broken |= answered(event) && !offered;
        found.is_broken |= facts.accepted.contains(event) && facts.rejected.contains(event);
    }
    found.is_broken |= facts.has_repeats;
    for sink in 0..spec.sinks.len() {
        let ledger = judge_sink(spec, sink, ops, &facts, &mut found);
        found.sinks.push(ledger);
    }
    found.counts.retain(|_, count| *count > 0);
    found
}

/// Whether a run with all health given may be called held.
pub fn is_held(spec: &JudgeSpec, found: &Found) -> bool {
    let is_legal = |name: AnomalyName, semantics: Semantics| match name {
        AnomalyName::LostWrite | AnomalyName::Unseen => semantics == Semantics::AtMostOnce,
        AnomalyName::DuplicateEffect => semantics == Semantics::AtLeastOnce,
        _ => false,
    };
    let legal = found
        .counts
        .keys()
        .all(|&(name, sink)| is_legal(name, spec.sinks[sink].semantics));
    legal
        && !found.is_broken
        && found.unanswered == 0
        && found.order_undecided == 0
        && found.offered > 0
        && found.accepted > 0
}

fn judge_sink(
    spec: &JudgeSpec,
    sink: usize,
    ops: &[Op],
    facts: &Facts,
    found: &mut Found,
) -> Ledger {
    let of_sink = |kinds: &[Kind]| -> Vec<&Op> {
        let here = |op: &&Op| usize::from(op.place) == sink && kinds.contains(&op.kind);
        ops.iter().filter(here).collect()
    };
    let is_tail = spec.sinks[sink].reading == Reading::Tail;
    let live: BTreeSet<EventId> = of_sink(&[Kind::Effect]).iter().map(|op| op.event).collect();
    let dead: BTreeSet<EventId> = of_sink(&[Kind::DeadLettered])
        .iter()
        .map(|op| op.event)
        .collect();
    let truth = of_sink(if is_tail {
        &[Kind::Effect]
    } else {
        &[Kind::Final]
    });
    let mut times: BTreeMap<EventId, u64> = BTreeMap::new();
    for op in &truth {
        *times.entry(op.event).or_default() += 1;
    }
    let glimpsed: BTreeSet<EventId> = live.iter().chain(times.keys()).copied().collect();
    let shows: BTreeSet<EventId> = glimpsed.union(&dead).copied().collect();
    let is_planned = |event: &EventId| {
        let load = spec.loads.get(usize::from(event.stream()));
        load.is_some_and(|load| event.sequence() < load.events)
    };
    let mut count = |name: AnomalyName, by: u64| {
        *found.counts.entry((name, sink)).or_default() += by;
    };
    let mut ledger = Ledger::default();

    // What belongs to no planned event counts by entry.
    let strays = ops.iter().filter(|op| {
        let reads = match op.kind {
            Kind::Effect | Kind::DeadLettered => true,
            Kind::Final => !is_tail,
            _ => false,
        };
        reads && usize::from(op.place) == sink && !is_planned(&op.event)
    });
    count(AnomalyName::Phantom, strays.count() as u64);

    for event in shows.iter().filter(|event| is_planned(event)) {
        let expected = spec.sinks[sink].expected(event.stream());
        let accepted = facts.accepted.contains(event);
        let doubtful = facts.indeterminate.contains(event);
        let rejected = facts.rejected.contains(event);
        let known = accepted || doubtful || rejected || facts.offered.contains_key(event);
        let repeats = times.get(event).copied().unwrap_or(0);
        ledger.effects += u64::from(repeats > 0);
        ledger.dead_lettered += u64::from(dead.contains(event));
        if repeats > 1 {
            ledger.surplus += repeats - 1;
            count(AnomalyName::DuplicateEffect, 1);
        }
        if !known {
            count(AnomalyName::Phantom, 1);
        } else if rejected && !accepted && !doubtful {
            count(AnomalyName::RejectedEffect, 1);
        } else {
            if glimpsed.contains(event) && expected != Expected::Effect {
                count(AnomalyName::UnexpectedEffect, 1);
            }
            let belongs = match expected {
                Expected::Effect => spec.sinks[sink].dead_letters_allowed,
                Expected::DeadLetter => true,
                Expected::Nothing => false,
            };
            if dead.contains(event) && !belongs {
                count(AnomalyName::UnexpectedDeadLetter, 1);
            }
        }
    }
    for event in &facts.accepted {
        let accounted = match spec.sinks[sink].expected(event.stream()) {
            Expected::Nothing => continue,
            Expected::Effect => times.contains_key(event) || dead.contains(event),
            Expected::DeadLetter => dead.contains(event) || glimpsed.contains(event),
        };
        ledger.due += 1;
        if accounted {
            continue;
        }
        ledger.missing += 1;
        found.missing.insert(*event);
        let later = |other: &&EventId| match (facts.places.get(event), facts.places.get(other)) {
            (Some(mine), Some(its)) => mine.0 == its.0 && mine.1 < its.1,
            (Some(_), None) => false,
            (None, _) => event.sequence() < other.sequence(),
        };
        let passed = shows
            .iter()
            .filter(|other| other.stream() == event.stream() && is_planned(other))
            .any(|other| later(&other));
        let is_lost_write = shows.contains(event) || passed;
        count(
            if is_lost_write {
                AnomalyName::LostWrite
            } else {
                AnomalyName::Unseen
            },
            1,
        );
    }
    if spec.sinks[sink].ordered {
        let (misplaced, undecided) = judge_order(spec, sink, ops, &truth, facts);
        count(AnomalyName::Order, misplaced);
        found.order_undecided += undecided;
    }
    ledger
}

/// Effects that stand behind one of a later accepted event of their key, and effects without a key.
fn judge_order(
    spec: &JudgeSpec,
    sink: usize,
    ops: &[Op],
    truth: &[&Op],
    facts: &Facts,
) -> (u64, u64) {
    let mut line: Vec<&Op> = Vec::new();
    for op in truth {
        let is_first = line.iter().all(|earlier| earlier.event != op.event);
        if is_first {
            line.push(op);
        }
    }
    let position = |wanted: &Op| ops.iter().position(|op| std::ptr::eq(op, wanted));
    line.retain(|effect| {
        let dead_before = ops.iter().take(position(effect).unwrap_or(0)).any(|op| {
            op.kind == Kind::DeadLettered
                && usize::from(op.place) == sink
                && op.event == effect.event
        });
        let load = spec.loads.get(usize::from(effect.event.stream()));
        load.is_some_and(|load| effect.event.sequence() < load.events)
            && spec.sinks[sink].expected(effect.event.stream()) == Expected::Effect
            && facts.accepted.contains(&effect.event)
            && !dead_before
    });
    let key = |op: &Op| {
        facts
            .offered
            .get(&op.event)
            .copied()
            .filter(|&key| key >= 0)
    };
    let mut misplaced = 0;
    for (index, effect) in line.iter().enumerate() {
        let Some(mine) = key(effect) else { continue };
        let is_late = line[..index].iter().any(|earlier| {
            earlier.event.stream() == effect.event.stream()
                && key(earlier) == Some(mine)
                && earlier.partition == effect.partition
                && earlier.event.sequence() > effect.event.sequence()
        });
        misplaced += u64::from(is_late);
    }
    let undecided = line.iter().filter(|effect| key(effect).is_none()).count();
    (misplaced, undecided as u64)
}
