//! Events to come, by time and then by the order in which they were planned.
//!
//! The near ones are in a heap. The far ones are mostly time-outs, nearly all of which will be called off: they lie unsorted, a bag for
//! each stretch of time, and only what is left of a bag when its time comes goes into the heap. What is farther than a second lies in
//! bags for longer stretches, whose rest goes into the shorter ones. Actions lie beside, so that sorting moves few bytes; their places,
//! and the bags, are used again and again, so that planning an event takes no memory once a run is under way.

#[cfg(test)]
mod tests;

use super::Nanos;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// A bag takes 2^24 ns, 17 ms: longer than a message or a write takes, shorter than a time-out.
const STRETCH_BITS: u32 = 24;
/// A bag of what is farther than 2^30 ns, 1.1 s, takes 2^33 ns, 8.6 s.
const FARTHER_BITS: u32 = 30;
const LONG_STRETCH_BITS: u32 = 33;
/// Below so many that were called off it is not worth to look for them.
const CALLED_OFF_AT_EASE: usize = if cfg!(test) { 8 } else { 4096 };

/// What is to happen, by when.
pub(super) struct EventQueue<A> {
    near: BinaryHeap<Planned>,
    /// Where the near ends, and the first bag begins.
    horizon: Nanos,
    far: BTreeMap<u64, Vec<Planned>>,
    farther: BTreeMap<u64, Vec<Planned>>,
    /// Empty ones.
    bags: Vec<Vec<Planned>>,
    /// Entries in all bags.
    far_count: usize,
    /// Entries that were called off and are still in the heap or in a bag.
    called_off: usize,
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
    sequence: u64,
}

/// Names one event that is planned, so that it can be called off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    slot: u32,
    generation: u32,
}

struct Slot<A> {
    /// How often the slot was emptied.
    generation: u32,
    action: Option<A>,
}

#[derive(Clone, Copy)]
struct Planned {
    at: Nanos,
    sequence: u64,
    timer: Timer,
}

impl<A> Default for EventQueue<A> {
    fn default() -> Self {
        Self {
            near: BinaryHeap::new(),
            horizon: 0,
            far: BTreeMap::new(),
            farther: BTreeMap::new(),
            bags: Vec::new(),
            far_count: 0,
            called_off: 0,
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }
}

impl<A> EventQueue<A> {
    pub fn push(&mut self, at: Nanos, action: A) -> Timer {
        self.sequence += 1;
        let timer = self.keep(action);
        let planned = Planned {
            at,
            sequence: self.sequence,
            timer,
        };
        if at < self.horizon {
            self.near.push(planned);
        } else {
            self.put_away(planned);
            self.far_count += 1;
        }
        timer
    }

    /// Puts what is beyond the horizon into its bag.
    fn put_away(&mut self, planned: Planned) {
        let at = planned.at;
        let (bags, stretch) = match at - self.horizon < 1 << FARTHER_BITS {
            true => (&mut self.far, at >> STRETCH_BITS),
            false => (&mut self.farther, at >> LONG_STRETCH_BITS),
        };
        let empty = || self.bags.pop().unwrap_or_default();
        bags.entry(stretch).or_insert_with(empty).push(planned);
    }

    /// Gives back what will not happen; `None` when it happened already.
    pub fn call_off(&mut self, timer: Timer) -> Option<A> {
        let action = self.take(timer)?;
        self.called_off += 1;
        let all = self.near.len() + self.far_count;
        if self.called_off > CALLED_OFF_AT_EASE && self.called_off > all / 2 {
            self.clear_out();
        }
        Some(action)
    }

    /// The next event: its time, its number in the order of planning, and what it does.
    pub fn pop(&mut self) -> Option<(Nanos, u64, A)> {
        loop {
            while let Some(planned) = self.near.pop() {
                match self.take(planned.timer) {
                    Some(action) => return Some((planned.at, planned.sequence, action)),
                    None => self.called_off -= 1,
                }
            }
            self.open_farther();
            let (stretch, mut bag) = self.far.pop_first()?;
            self.horizon = (stretch + 1) << STRETCH_BITS;
            let before = bag.len();
            self.far_count -= before;
            let slots = &self.slots;
            let left = bag.drain(..).filter(|planned| is_in(slots, planned.timer));
            self.near.extend(left);
            self.called_off -= before - self.near.len();
            self.bags.push(bag);
        }
    }

    /// Moves what is left in the bags for long stretches to those for short ones, as far as the first of these begins there.
    fn open_farther(&mut self) {
        while let Some((stretch, _)) = self.farther.first_key_value() {
            let begins = *stretch << LONG_STRETCH_BITS;
            let first = self.far.first_key_value();
            if first.is_some_and(|(stretch, _)| *stretch << STRETCH_BITS < begins) {
                return;
            }
            let Some((_, mut bag)) = self.farther.pop_first() else {
                return;
            };
            self.horizon = self.horizon.max(begins);
            for planned in bag.drain(..) {
                if is_in(&self.slots, planned.timer) {
                    let stretch = planned.at >> STRETCH_BITS;
                    let empty = || self.bags.pop().unwrap_or_default();
                    let bag = self.far.entry(stretch).or_insert_with(empty);
                    bag.push(planned);
                } else {
                    self.far_count -= 1;
                    self.called_off -= 1;
                }
            }
            self.bags.push(bag);
        }
    }

    fn keep(&mut self, action: A) -> Timer {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                action: None,
            });
            // Memory ends long before numbers of 32 bits do.
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.action = Some(action);
        Timer {
            slot,
            generation: place.generation,
        }
    }

    fn take(&mut self, timer: Timer) -> Option<A> {
        let place = self.slots.get_mut(timer.slot as usize)?;
        if place.generation != timer.generation {
            return None;
        }
        let action = place.action.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(timer.slot);
        Some(action)
    }

    /// Drops the entries of what was called off.
    #[cold]
    fn clear_out(&mut self) {
        let slots = &self.slots;
        self.near.retain(|planned| is_in(slots, planned.timer));
        self.far_count = 0;
        for bags in [&mut self.far, &mut self.farther] {
            bags.retain(|_, bag| {
                bag.retain(|planned| is_in(slots, planned.timer));
                self.far_count += bag.len();
                !bag.is_empty()
            });
        }
        self.called_off = 0;
    }
}

fn is_in<A>(slots: &[Slot<A>], timer: Timer) -> bool {
    slots[timer.slot as usize].generation == timer.generation
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    /// The earliest is the greatest, for the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}
