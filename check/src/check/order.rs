//! `order`: the effects of a key stand in the order in which its accepted events were offered.
//!
//! What counts, precisely:
//! - a key is a load's key index; between loads there is no order;
//! - the order of offering is that of the sequence; the order of effects is the recorded order of the sink's true ops, so
//!   that of the offsets within a partition of a topic and that of the reading of a table;
//! - only the first true effect of an event counts: a redelivery of an earlier event after a later one is a duplicate, which
//!   other rules judge;
//! - only accepted events count: what was rejected or is unknown gave no promise and hides no promise between others;
//! - an event that was dead-lettered before its effect showed is out of the line;
//! - effects in different partitions of the sink have no order between them.
//!
//! An effect is judged once the outcome of its event is known, so effects wait for it in the order in which they came. An
//! acceptance that comes after its event was called indeterminate, and judged so, comes too late.

use crate::anomaly::Example;
use crate::op::EventId;
use std::collections::{BTreeMap, VecDeque};

/// Keys below are kept in a plain table.
const DENSE_KEYS: u32 = 1 << 20;

/// The order of one sink.
pub struct OrderCheck {
    waiting: VecDeque<Waiting>,
    waiting_max: usize,
    /// By stream, by key: the last effect, in the partition in which the key came first.
    dense: Vec<Vec<Last>>,
    /// By stream, key and partition: all else.
    sparse: BTreeMap<(u16, u32, i32), u64>,
    pub count: u64,
    pub examples: Vec<Example>,
    examples_max: usize,
    /// Effects that could not be judged: no key, or too many were waiting.
    pub undecided: u64,
}

#[derive(Clone, Copy)]
pub struct Waiting {
    pub event: EventId,
    pub partition: i32,
}

#[derive(Clone, Copy)]
struct Last {
    /// The sequence and one; 0 for none.
    next: u64,
    partition: i32,
}

impl OrderCheck {
    pub fn new(streams: usize, waiting_max: usize, examples_max: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_max: waiting_max.max(1),
            dense: vec![Vec::new(); streams],
            sparse: BTreeMap::new(),
            count: 0,
            examples: Vec::new(),
            examples_max,
            undecided: 0,
        }
    }

    pub fn wait(&mut self, effect: Waiting) {
        self.waiting.push_back(effect);
    }

    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }

    /// The next to judge.
    pub fn front(&self) -> Option<Waiting> {
        self.waiting.front().copied()
    }

    pub fn pop(&mut self) {
        self.waiting.pop_front();
    }

    pub fn is_full(&self) -> bool {
        self.waiting.len() > self.waiting_max
    }

    /// Judges the effect of an accepted event.
    pub fn judge(&mut self, effect: Waiting, key: Option<u32>) {
        let Some(key) = key else {
            self.undecided += 1;
            return;
        };
        let sequence = effect.event.sequence();
        let last = self.last(effect.event.stream(), key, effect.partition);
        if *last > sequence {
            let later = *last - 1;
            self.count += 1;
            if self.examples.len() < self.examples_max {
                self.examples.push(Example {
                    event: effect.event,
                    place: None,
                    after: Some(EventId::new(effect.event.stream(), later)),
                });
            }
        } else {
            *last = sequence + 1;
        }
    }

    fn last(&mut self, stream: u16, key: u32, partition: i32) -> &mut u64 {
        if key < DENSE_KEYS && usize::from(stream) < self.dense.len() {
            let keys = &mut self.dense[usize::from(stream)];
            let index = key as usize;
            if index >= keys.len() {
                keys.resize(index + 1, Last { next: 0, partition });
            }
            if keys[index].next == 0 {
                keys[index].partition = partition;
            }
            if keys[index].partition == partition {
                return &mut self.dense[usize::from(stream)][index].next;
            }
        }
        self.sparse.entry((stream, key, partition)).or_insert(0)
    }
}
