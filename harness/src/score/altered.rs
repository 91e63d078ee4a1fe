//! Lies of the entry and of sinks: what a run observed, with one thing in it that is not so.

use squall_check::{EventId, Kind, Op, Reading, SinkSpec};
use squall_plan::rng::Streams;
use std::collections::{BTreeMap, BTreeSet};

/// Who lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Teller {
    /// What stands between the load and the system.
    Entry,
    /// The place where effects are kept.
    Sink,
    Broker,
    /// A planted bug of a service: no lie, but what lies are made to look like.
    System,
}

impl Teller {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Sink => "sink",
            Self::Broker => "broker",
            Self::System => "system",
        }
    }
}

/// One way to lie.
pub struct Alteration {
    pub name: &'static str,
    pub teller: Teller,
    /// The history with the lie in it; `None`: the run gives no occasion for it.
    pub alter: fn(&Scene<'_>) -> Option<Vec<Op>>,
}

pub const ALTERATIONS: &[Alteration] = &[
    Alteration {
        name: "acknowledged, dropped",
        teller: Teller::Entry,
        alter: dropped,
    },
    Alteration {
        name: "refused, yet done",
        teller: Teller::Entry,
        alter: refused,
    },
    Alteration {
        name: "effect never made",
        teller: Teller::Sink,
        alter: never_made,
    },
    Alteration {
        name: "effect vanished",
        teller: Teller::Sink,
        alter: vanished,
    },
    Alteration {
        name: "effect twice",
        teller: Teller::Sink,
        alter: twice,
    },
    Alteration {
        name: "effect of nothing",
        teller: Teller::Sink,
        alter: of_nothing,
    },
    Alteration {
        name: "order of a key lost",
        teller: Teller::Sink,
        alter: swapped,
    },
    Alteration {
        name: "dead letter instead",
        teller: Teller::Sink,
        alter: dead_lettered,
    },
    Alteration {
        name: "effects a minute late",
        teller: Teller::Sink,
        alter: late,
    },
];

/// How much later, and one effect in how many.
const LATE_NS: u64 = 60_000_000_000;
const LATE_ONE_IN: u64 = 20;

/// A run as it was observed, and the sink that is to lie.
pub struct Scene<'run> {
    ops: &'run [Op],
    place: u16,
    /// The ops that are the truth about the sink.
    truth: Kind,
    seed: u64,
}

impl<'run> Scene<'run> {
    pub fn new(ops: &'run [Op], sinks: &[SinkSpec], place: usize, seed: u64) -> Self {
        let reading = sinks
            .get(place)
            .map_or(Reading::Reread, |sink| sink.reading);
        Self {
            ops,
            place: u16::try_from(place).unwrap_or(u16::MAX),
            truth: match reading {
                Reading::Reread => Kind::Final,
                Reading::Tail => Kind::Effect,
            },
            seed,
        }
    }

    fn is_true(&self, op: &Op) -> bool {
        op.place == self.place && op.kind == self.truth
    }

    /// Live or read at the end.
    fn is_effect(&self, op: &Op) -> bool {
        op.place == self.place && matches!(op.kind, Kind::Effect | Kind::Final)
    }

    /// The index of a true effect of an accepted event, drawn.
    fn victim(&self) -> Option<usize> {
        let accepted = self.ops.iter().filter(|op| op.kind == Kind::Accepted);
        let accepted: BTreeSet<EventId> = accepted.map(|op| op.event).collect();
        let ops = self.ops.iter().enumerate();
        let fit = ops.filter(|(_, op)| self.is_true(op) && accepted.contains(&op.event));
        let fit: Vec<usize> = fit.map(|(index, _)| index).collect();
        let drawn = Streams::new(self.seed)
            .stream("lies", u64::from(self.place))
            .below(fit.len().max(1) as u64);
        fit.get(usize::try_from(drawn).ok()?).copied()
    }

    fn without(&self, gone: impl Fn(&Op) -> bool) -> Vec<Op> {
        self.ops.iter().filter(|op| !gone(op)).copied().collect()
    }
}

fn dropped(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let event = scene.ops[scene.victim()?].event;
    let downstream = |op: &Op| {
        let seen = [Kind::Effect, Kind::Final, Kind::DeadLettered, Kind::Stored];
        op.event == event && seen.contains(&op.kind)
    };
    Some(scene.without(downstream))
}

fn refused(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let event = scene.ops[scene.victim()?].event;
    let mut ops = scene.ops.to_vec();
    let answers = ops.iter_mut().filter(|op| op.event == event);
    for answer in answers.filter(|op| op.kind == Kind::Accepted) {
        answer.kind = Kind::Rejected;
        (answer.partition, answer.offset) = (-1, -1);
    }
    Some(ops)
}

fn never_made(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let event = scene.ops[scene.victim()?].event;
    Some(scene.without(|op| op.event == event && scene.is_effect(op)))
}

fn vanished(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let event = scene.ops[scene.victim()?].event;
    // A log that is read as it grows has no second reading from which something could be missing.
    (scene.truth == Kind::Final).then(|| scene.without(|op| op.event == event && scene.is_true(op)))
}

fn twice(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let victim = scene.victim()?;
    let mut ops = scene.ops.to_vec();
    ops.insert(victim + 1, scene.ops[victim]);
    Some(ops)
}

fn of_nothing(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let victim = scene.victim()?;
    let mut ops = scene.ops.to_vec();
    // Far behind the last one that the load offers.
    let event = EventId::new(scene.ops[victim].event.stream(), 1 << 40);
    ops.insert(
        victim + 1,
        Op {
            event,
            ..scene.ops[victim]
        },
    );
    Some(ops)
}

/// Two effects of one key in one partition change places.
fn swapped(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let offered = scene.ops.iter().filter(|op| op.kind == Kind::Offered);
    let keys: BTreeMap<EventId, (u16, i64)> = offered
        .map(|op| (op.event, (op.place, op.offset)))
        .collect();
    let mut first: BTreeMap<((u16, i64), i32), usize> = BTreeMap::new();
    let effects = scene.ops.iter().enumerate();
    for (index, op) in effects.filter(|(_, op)| scene.is_true(op)) {
        let Some(key) = keys.get(&op.event) else {
            continue;
        };
        let partition = match scene.truth {
            Kind::Effect => op.partition,
            _ => -1,
        };
        let earlier = *first.entry((*key, partition)).or_insert(index);
        if scene.ops[earlier].event.sequence() < op.event.sequence() {
            let mut ops = scene.ops.to_vec();
            (ops[earlier].event, ops[index].event) = (op.event, scene.ops[earlier].event);
            return Some(ops);
        }
    }
    None
}

fn dead_lettered(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let effect = scene.ops[scene.victim()?];
    let mut ops = scene.without(|op| op.event == effect.event && scene.is_effect(op));
    let letter = Op {
        kind: Kind::DeadLettered,
        partition: 0,
        offset: 0,
        ..effect
    };
    // The final reads come last.
    let at = ops.iter().position(|op| op.kind == Kind::Final);
    ops.insert(at.unwrap_or(ops.len()), letter);
    Some(ops)
}

fn late(scene: &Scene<'_>) -> Option<Vec<Op>> {
    let mut ops = scene.ops.to_vec();
    let live = ops
        .iter_mut()
        .filter(|op| op.place == scene.place && op.kind == Kind::Effect);
    let mut told = false;
    for op in live.filter(|op| op.event.sequence() % LATE_ONE_IN == 0) {
        op.at += LATE_NS;
        told = true;
    }
    told.then_some(ops)
}
