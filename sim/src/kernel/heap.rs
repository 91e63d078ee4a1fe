//! Events to come, by time and then by the order in which they were planned.

use super::Nanos;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::task::Waker;

pub(super) enum Action {
    Wake(Waker),
    Call(Box<dyn FnOnce()>),
}

#[derive(Default)]
pub(super) struct EventHeap {
    heap: BinaryHeap<Planned>,
    sequence: u64,
}

struct Planned {
    at: Nanos,
    sequence: u64,
    action: Action,
}

impl EventHeap {
    pub fn push(&mut self, at: Nanos, action: Action) {
        self.sequence += 1;
        self.heap.push(Planned {
            at,
            sequence: self.sequence,
            action,
        });
    }

    pub fn pop(&mut self) -> Option<(Nanos, u64, Action)> {
        let planned = self.heap.pop()?;
        Some((planned.at, planned.sequence, planned.action))
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
