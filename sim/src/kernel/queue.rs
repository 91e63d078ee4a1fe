//! Events to come, by time and then by the order in which they were planned.

use super::Nanos;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::task::Waker;

pub(super) enum Action {
    Wake(Waker),
    Call(Box<dyn FnOnce()>),
}

/// The actions lie beside the heap, so that sifting moves few bytes.
#[derive(Default)]
pub(super) struct EventHeap {
    heap: BinaryHeap<Planned>,
    actions: Vec<Option<Action>>,
    free: Vec<u32>,
    sequence: u64,
}

struct Planned {
    at: Nanos,
    sequence: u64,
    slot: u32,
}

impl EventHeap {
    pub fn push(&mut self, at: Nanos, action: Action) {
        self.sequence += 1;
        let slot = self.keep(action);
        self.heap.push(Planned {
            at,
            sequence: self.sequence,
            slot,
        });
    }

    fn keep(&mut self, action: Action) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.actions[slot as usize] = Some(action);
            return slot;
        }
        self.actions.push(Some(action));
        u32::try_from(self.actions.len() - 1).expect("fewer than 2^32 events are planned at a time")
    }

    pub fn pop(&mut self) -> Option<(Nanos, u64, Action)> {
        let planned = self.heap.pop()?;
        let action = self.actions[planned.slot as usize].take()?;
        self.free.push(planned.slot);
        Some((planned.at, planned.sequence, action))
    }
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
