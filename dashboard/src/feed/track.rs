//! What became of each event of one load, in a window that moves along: sequences are dense, so a queue is all it takes.

use super::passed::Place;
use super::rules::{Broken, Rules};
use crate::board::Board;
use squall_check::{AnomalyName, EventId, Kind, Op};
use std::collections::{BTreeMap, VecDeque};

/// Events that are remembered after all is known of them, so that a second effect is noticed.
const SETTLED_KEPT: usize = 1 << 17;
/// Events that are remembered at most.
const SLOTS_MAX: usize = 1 << 20;
/// Events that something was told of before their offer.
const EARLY_MAX: usize = 1 << 14;

#[derive(Default)]
pub struct Track {
    stream: u16,
    /// Sequence of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    /// By sink: the furthest sequence that showed.
    furthest: Vec<Option<u64>>,
    /// By sink: all events before this one are through, or were never due.
    through: Vec<u64>,
    /// Events of the plan: those have an offer to come, whatever was told of them before it.
    planned: u64,
    /// By sequence: what came before its offer. Threads tell what they saw in any order.
    early: BTreeMap<u64, Vec<Op>>,
}

/// Bits by sink.
#[derive(Clone, Copy)]
pub struct Slot {
    pub offered_ns: u64,
    /// Where the entry put it; a partition below 0: not known.
    place: Place,
    /// Index of its key, [`NO_KEY`] for none.
    key: u32,
    pub outcome: Outcome,
    pub seen: u16,
    pub dead: u16,
    /// Twice or more, by the taps or by the final read.
    pub twice: u16,
    /// By the final read.
    pub finally: u16,
}

const NO_KEY: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Waiting,
    Accepted,
    Rejected,
    Unknown,
}

/// What an operation brought to light.
#[derive(Default)]
pub struct Found {
    /// An effect or a dead letter of an event that was never offered.
    pub phantom: bool,
    /// The first effect of the event in its sink, live.
    pub first_effect: bool,
    /// The first sign of an event in its sink, of whatever kind.
    pub first_sign: bool,
    /// It is accepted from now on.
    pub accepted: bool,
    /// Index of the sink, and what the event breaks there.
    pub broken: Vec<(usize, AnomalyName)>,
}

impl Track {
    pub fn of_stream(stream: u16, sinks: usize, planned: u64) -> Self {
        Self {
            stream,
            planned,
            furthest: vec![None; sinks],
            through: vec![0; sinks],
            ..Self::default()
        }
    }

    /// Keeps what comes before the offer of its event: whether it is the first sign in its sink. `None`: it came after.
    pub fn keep_early(&mut self, op: &Op) -> Option<bool> {
        let sequence = op.event.sequence();
        let is_early = op.kind != Kind::Offered
            && sequence < self.planned
            && sequence >= self.first + self.slots.len() as u64
            && self.early.len() < EARLY_MAX;
        is_early.then(|| {
            let early = self.early.entry(sequence).or_default();
            let is_sign = |kind| matches!(kind, Kind::Effect | Kind::Final | Kind::DeadLettered);
            let known = |one: &Op| one.place == op.place && is_sign(one.kind);
            let is_first = is_sign(op.kind) && !early.iter().any(known);
            early.push(*op);
            is_first
        })
    }

    /// What came before the offer of an event, in the order in which it came.
    pub fn early(&mut self, offer: &Op) -> Vec<Op> {
        let is_offer = offer.kind == Kind::Offered && !self.early.is_empty();
        let early = is_offer.then(|| self.early.remove(&offer.event.sequence()));
        early.flatten().unwrap_or_default()
    }

    /// What never was offered, when nothing more is to come.
    pub fn never_offered(&mut self) -> Vec<Op> {
        std::mem::take(&mut self.early)
            .into_values()
            .flatten()
            .collect()
    }

    /// Takes an operation of this stream into the board.
    pub fn op(&mut self, op: &Op, rules: &[Rules], board: &mut Board) -> Found {
        match op.kind {
            Kind::Offered => {
                self.offer(op, board);
                Found::default()
            }
            Kind::Accepted => self.outcome(op, Outcome::Accepted, rules, board),
            Kind::Rejected => self.outcome(op, Outcome::Rejected, rules, board),
            Kind::Indeterminate => self.outcome(op, Outcome::Unknown, rules, board),
            Kind::Effect | Kind::Final | Kind::DeadLettered => self.sign(op, rules, board),
            Kind::Stored => self.stored(op),
        }
    }

    /// Accepted, due, and neither seen nor dead-lettered: with whether something later of its load showed.
    pub fn missing(&self, sink: usize) -> impl Iterator<Item = (EventId, bool)> + '_ {
        let furthest = self.furthest.get(sink).copied().flatten();
        let slots = self.slots.iter().enumerate();
        slots
            .filter(move |(_, slot)| slot.is_missing(bit(sink)))
            .map(move |(index, _)| {
                let sequence = self.first + index as u64;
                (
                    EventId::new(self.stream, sequence),
                    furthest > Some(sequence),
                )
            })
    }

    /// When the oldest event was offered that is due in a sink and on its way.
    pub fn oldest_ns(&mut self, sink: usize, is_due: bool) -> Option<u64> {
        /// Events without an outcome that are looked past.
        const LOOK_MAX: usize = 1 << 10;
        let bit = bit(sink);
        let through = self.through.get_mut(sink).filter(|_| is_due)?;
        *through = (*through).max(self.first);
        let at = |sequence: u64| usize::try_from(sequence - self.first).unwrap_or(usize::MAX);
        while let Some(slot) = self.slots.get(at(*through)) {
            if slot.outcome == Outcome::Waiting || slot.is_missing(bit) {
                break;
            }
            *through += 1;
        }
        let rest = self.slots.iter().skip(at(*through)).take(LOOK_MAX);
        rest.filter(|slot| slot.is_missing(bit))
            .map(|slot| slot.offered_ns)
            .next()
    }

    /// What is known of an event's answer; `None`: forgotten.
    pub fn outcome_of(&self, event: EventId) -> Option<Outcome> {
        if event.sequence() < self.first {
            return None;
        }
        let slot = self.peek(event);
        Some(slot.map_or(Outcome::Waiting, |slot| slot.outcome))
    }

    pub fn key_of(&self, event: EventId) -> Option<u32> {
        let key = self.peek(event)?.key;
        (key != NO_KEY).then_some(key)
    }

    pub fn place_of(&self, event: EventId) -> Option<Place> {
        let place = self.peek(event)?.place;
        (place.0 >= 0).then_some(place)
    }

    /// Whether an event showed in a sink, or was never due there.
    pub fn is_done(&self, event: EventId, sink: usize) -> bool {
        self.peek(event)
            .is_none_or(|slot| !slot.is_missing(bit(sink)))
    }

    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.slots.len()
    }

    fn offer(&mut self, op: &Op, board: &mut Board) {
        let next = self.first + self.slots.len() as u64;
        if op.event.sequence() < next {
            return;
        }
        for _ in next..=op.event.sequence().min(next + SLOTS_MAX as u64) {
            self.slots.push_back(Slot::offered(op));
        }
        board.totals.offered += 1;
        board.bin(op.at).offered += 1;
        self.forget();
    }

    fn forget(&mut self) {
        while self.slots.len() > SLOTS_MAX
            || (self.slots.len() > SETTLED_KEPT
                && self.slots.front().is_some_and(|slot| slot.is_settled()))
        {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    fn peek(&self, event: EventId) -> Option<&Slot> {
        let index = event.sequence().checked_sub(self.first)?;
        self.slots.get(usize::try_from(index).ok()?)
    }

    /// `Err(true)`: forgotten. `Err(false)`: never offered.
    fn slot(&mut self, event: EventId) -> Result<&mut Slot, bool> {
        let Some(index) = event.sequence().checked_sub(self.first) else {
            return Err(true);
        };
        let index = usize::try_from(index).map_err(|_| false)?;
        self.slots.get_mut(index).ok_or(false)
    }

    /// A tap on the entry's topic told where the event is.
    fn stored(&mut self, op: &Op) -> Found {
        let Ok(slot) = self.slot(op.event) else {
            return Found::default();
        };
        let is_news = slot.place.0 < 0 && op.partition >= 0;
        if is_news {
            slot.place = (op.partition, op.offset);
        }
        Found {
            accepted: is_news && slot.outcome == Outcome::Accepted,
            ..Found::default()
        }
    }

    fn outcome(&mut self, op: &Op, outcome: Outcome, rules: &[Rules], board: &mut Board) -> Found {
        let stream = self.stream;
        let Some(slot) = self.slot(op.event).ok() else {
            return Found::default();
        };
        if slot.outcome != Outcome::Waiting {
            return Found::default();
        }
        let before = *slot;
        slot.outcome = outcome;
        if outcome == Outcome::Accepted && op.partition >= 0 {
            slot.place = (op.partition, op.offset);
        }
        let after = *slot;
        let mut broken = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let was = rule.broken(&before, bit(index), stream);
            let is = rule.broken(&after, bit(index), stream);
            broken.extend(is.since(was).map(|name| (index, name)));
        }
        count_outcome(op, &after, rules, stream, board);
        Found {
            accepted: outcome == Outcome::Accepted,
            broken,
            ..Found::default()
        }
    }

    /// An effect or a dead letter.
    fn sign(&mut self, op: &Op, rules: &[Rules], board: &mut Board) -> Found {
        let sink = usize::from(op.place);
        let (mask, stream) = (bit(sink), self.stream);
        let slot = match self.slot(op.event) {
            Ok(slot) => slot,
            // What was settled long ago may be seen again by the final read: that is no finding.
            Err(forgotten) => {
                return Found {
                    phantom: !forgotten,
                    ..Found::default()
                };
            }
        };
        let before = *slot;
        slot.mark(op.kind, mask);
        let after = *slot;
        let shown = |slot: &Slot| (slot.seen | slot.finally) & mask != 0;
        let (was_shown, was_dead) = (shown(&before), before.dead & mask != 0);
        let first_sign = !was_shown && !was_dead;
        let rule = rules.get(sink);
        if let Some(row) = board.sinks.get_mut(sink) {
            row.dead_lettered += u64::from(!was_dead && after.dead & mask != 0);
            row.duplicated += u64::from(before.twice & mask == 0 && after.twice & mask != 0);
            let is_due = rule.is_some_and(|rule| rule.is_due(stream));
            let was_open = first_sign && is_due && before.outcome == Outcome::Accepted;
            row.in_flight = row.in_flight.saturating_sub(u64::from(was_open));
        }
        if !was_shown && shown(&after) {
            first_effect(op, &after, board);
        }
        if let Some(furthest) = self.furthest.get_mut(sink) {
            *furthest = (*furthest).max(Some(op.event.sequence()));
        }
        let broken = rule.map(|rule| {
            let was: Broken = rule.broken(&before, mask, stream);
            rule.broken(&after, mask, stream).since(was)
        });
        Found {
            phantom: false,
            first_effect: op.kind == Kind::Effect && first_sign,
            first_sign,
            accepted: false,
            broken: broken
                .into_iter()
                .flatten()
                .map(|name| (sink, name))
                .collect(),
        }
    }
}

fn count_outcome(op: &Op, slot: &Slot, rules: &[Rules], stream: u16, board: &mut Board) {
    let totals = &mut board.totals;
    let shown = slot.seen | slot.finally;
    match slot.outcome {
        Outcome::Accepted => {
            totals.accepted += 1;
            for (index, (sink, rule)) in board.sinks.iter_mut().zip(rules).enumerate() {
                let open = rule.is_due(stream) && slot.is_missing(bit(index));
                sink.in_flight += u64::from(open);
            }
            board.bin(op.at).accepted += 1;
            return;
        }
        Outcome::Rejected => totals.rejected += 1,
        Outcome::Unknown => {
            totals.indeterminate += 1;
            for (index, sink) in board.sinks.iter_mut().enumerate() {
                sink.unknown += u64::from(shown & bit(index) != 0);
            }
        }
        Outcome::Waiting => {}
    }
    board.bin(op.at).failed += 1;
}

fn first_effect(op: &Op, slot: &Slot, board: &mut Board) {
    let sink = usize::from(op.place);
    let Some(row) = board.sinks.get_mut(sink) else {
        return;
    };
    row.effects += 1;
    row.unknown += u64::from(slot.outcome == Outcome::Unknown);
    if op.kind == Kind::Effect {
        let count = board.sinks.len();
        let bin = board.bin(op.at);
        bin.sinks
            .resize_with(count.max(bin.sinks.len()), Default::default);
        bin.sinks[sink].effects += 1;
        bin.sinks[sink]
            .latency
            .add(op.at.saturating_sub(slot.offered_ns));
    }
}

impl Slot {
    fn offered(op: &Op) -> Self {
        Self {
            offered_ns: op.at,
            place: (-1, -1),
            key: u32::try_from(op.offset).unwrap_or(NO_KEY),
            outcome: Outcome::Waiting,
            seen: 0,
            dead: 0,
            twice: 0,
            finally: 0,
        }
    }

    fn mark(&mut self, kind: Kind, mask: u16) {
        let of = match kind {
            Kind::DeadLettered => {
                self.dead |= mask;
                return;
            }
            Kind::Final => &mut self.finally,
            _ => &mut self.seen,
        };
        self.twice |= *of & mask;
        *of |= mask;
    }

    /// Accepted, and without any sign in the sink.
    const fn is_missing(&self, bit: u16) -> bool {
        matches!(self.outcome, Outcome::Accepted)
            && (self.seen | self.finally | self.dead) & bit == 0
    }

    /// Whether its outcome is known and something was seen of it: nothing more is to come in a system that is well.
    const fn is_settled(&self) -> bool {
        match self.outcome {
            Outcome::Waiting => false,
            Outcome::Accepted => self.seen | self.dead != 0,
            Outcome::Rejected | Outcome::Unknown => true,
        }
    }
}

/// Sinks beyond the sixteenth share the last bit: their findings may be missed here, never in the verdict.
fn bit(sink: usize) -> u16 {
    1 << sink.min(15)
}

impl Board {
    fn bin(&mut self, at_ns: u64) -> &mut crate::Bin {
        let zero = self.load_zero_ns.unwrap_or(at_ns);
        self.now_ns = self.now_ns.max(at_ns);
        self.bins.at(at_ns.saturating_sub(zero))
    }
}
