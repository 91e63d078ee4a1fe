//! What became of each event of one load, in a window that moves along: sequences are dense, so a queue is all it takes.

use crate::board::Board;
use squall_check::{EventId, Kind, Op};
use std::collections::VecDeque;

/// Events that are remembered after all is known of them, so that a second effect is noticed.
const SETTLED_KEPT: usize = 1 << 17;
/// Events that are remembered at most.
const SLOTS_MAX: usize = 1 << 20;

#[derive(Default)]
pub struct Track {
    /// Sequence of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
}

/// Bits by sink.
#[derive(Clone, Copy, Default)]
struct Slot {
    offered_ns: u64,
    outcome: Outcome,
    seen: u16,
    dead: u16,
    /// Twice or more, by the taps or by the final read.
    twice: u16,
    /// By the final read.
    finally: u16,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    Waiting,
    Accepted,
    Rejected,
    Unknown,
}

pub enum Finding {
    /// An effect of an event that was never offered.
    Phantom,
    /// An effect of an event that was rejected.
    Rejected,
    /// A second effect.
    Duplicate,
}

impl Track {
    /// Takes an operation of this stream into the board; `expects` says in which sinks an effect must come.
    pub fn op(&mut self, op: &Op, expects: &[bool], board: &mut Board) -> Option<Finding> {
        match op.kind {
            Kind::Offered => {
                self.offer(op, board);
                None
            }
            Kind::Accepted => self.outcome(op, Outcome::Accepted, expects, board),
            Kind::Rejected => self.outcome(op, Outcome::Rejected, expects, board),
            Kind::Indeterminate => self.outcome(op, Outcome::Unknown, expects, board),
            Kind::Effect | Kind::Final => self.effect(op, expects, board),
            Kind::DeadLettered => {
                self.dead(op, expects, board);
                None
            }
            Kind::Stored => None,
        }
    }

    /// Accepted, and neither seen nor dead-lettered.
    pub fn missing(&self, stream: u16, sink: usize) -> impl Iterator<Item = EventId> + '_ {
        let bit = bit(sink);
        let is_missing = move |slot: &Slot| {
            slot.outcome == Outcome::Accepted && (slot.seen | slot.finally | slot.dead) & bit == 0
        };
        let id = move |index| EventId::new(stream, self.first + index as u64);
        let slots = self.slots.iter().enumerate();
        slots
            .filter(move |(_, slot)| is_missing(slot))
            .map(move |(index, _)| id(index))
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
            self.slots.push_back(Slot {
                offered_ns: op.at,
                ..Slot::default()
            });
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

    /// `Err(true)`: forgotten. `Err(false)`: never offered.
    fn slot(&mut self, event: EventId) -> Result<&mut Slot, bool> {
        let Some(index) = event.sequence().checked_sub(self.first) else {
            return Err(true);
        };
        let index = usize::try_from(index).map_err(|_| false)?;
        self.slots.get_mut(index).ok_or(false)
    }

    fn outcome(
        &mut self,
        op: &Op,
        outcome: Outcome,
        expects: &[bool],
        board: &mut Board,
    ) -> Option<Finding> {
        let slot = self.slot(op.event).ok()?;
        if slot.outcome != Outcome::Waiting {
            return None;
        }
        slot.outcome = outcome;
        let (seen, dead) = (slot.seen | slot.finally, slot.dead);
        let totals = &mut board.totals;
        match outcome {
            Outcome::Accepted => {
                totals.accepted += 1;
                for (index, sink) in board.sinks.iter_mut().enumerate() {
                    let open = expects.get(index) == Some(&true) && (seen | dead) & bit(index) == 0;
                    sink.in_flight += u64::from(open);
                }
                board.bin(op.at).accepted += 1;
                return None;
            }
            Outcome::Rejected => totals.rejected += 1,
            Outcome::Unknown => {
                totals.indeterminate += 1;
                for (index, sink) in board.sinks.iter_mut().enumerate() {
                    sink.unknown += u64::from(seen & bit(index) != 0);
                }
            }
            Outcome::Waiting => {}
        }
        board.bin(op.at).failed += 1;
        (outcome == Outcome::Rejected && seen != 0).then_some(Finding::Rejected)
    }

    fn effect(&mut self, op: &Op, expects: &[bool], board: &mut Board) -> Option<Finding> {
        let sink = usize::from(op.place);
        let mask = bit(sink);
        let slot = match self.slot(op.event) {
            Ok(slot) => slot,
            // What was settled long ago may be seen again by the final read: that is no finding.
            Err(forgotten) => return (!forgotten).then_some(Finding::Phantom),
        };
        let by_reader = match op.kind {
            Kind::Final => &mut slot.finally,
            _ => &mut slot.seen,
        };
        let again = *by_reader & mask != 0;
        *by_reader |= mask;
        if again {
            if slot.twice & mask != 0 {
                return None;
            }
            slot.twice |= mask;
            board.sinks.get_mut(sink)?.duplicated += 1;
            return Some(Finding::Duplicate);
        }
        let other = if op.kind == Kind::Final {
            slot.seen
        } else {
            slot.finally
        };
        if other & mask != 0 {
            return None;
        }
        let (slot, expected) = (*slot, expects.get(sink) == Some(&true));
        first_effect(op, slot, expected, board)
    }

    fn dead(&mut self, op: &Op, expects: &[bool], board: &mut Board) {
        let sink = usize::from(op.place);
        let mask = bit(sink);
        let Ok(slot) = self.slot(op.event) else {
            return;
        };
        if slot.dead & mask != 0 {
            return;
        }
        slot.dead |= mask;
        let open = slot.outcome == Outcome::Accepted && (slot.seen | slot.finally) & mask == 0;
        if let Some(row) = board.sinks.get_mut(sink) {
            row.dead_lettered += 1;
            let open = open && expects.get(sink) == Some(&true);
            row.in_flight = row.in_flight.saturating_sub(u64::from(open));
        }
    }
}

fn first_effect(op: &Op, slot: Slot, expected: bool, board: &mut Board) -> Option<Finding> {
    let sink = usize::from(op.place);
    let row = board.sinks.get_mut(sink)?;
    row.effects += 1;
    row.unknown += u64::from(slot.outcome == Outcome::Unknown);
    let was_open = slot.outcome == Outcome::Accepted && expected && slot.dead & bit(sink) == 0;
    row.in_flight = row.in_flight.saturating_sub(u64::from(was_open));
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
    (slot.outcome == Outcome::Rejected).then_some(Finding::Rejected)
}

impl Slot {
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
