//! Totals of a run for the live view: to be polled, never waited for.

use crate::note::Note;
use squall_check::{Kind, Op};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Notes kept for the live view.
const NOTES_KEPT: usize = 512;

/// Totals over all rows recorded so far. Rows, not distinct events: a redelivered effect counts again.
pub struct Counters {
    pub offered: AtomicU64,
    pub accepted: AtomicU64,
    pub rejected: AtomicU64,
    pub indeterminate: AtomicU64,
    /// On tapped input topics.
    pub stored: AtomicU64,
    /// By sink.
    pub effects: Vec<AtomicU64>,
    /// By sink.
    pub dead_letters: Vec<AtomicU64>,
    /// By sink: rows of the final read.
    pub finals: Vec<AtomicU64>,
    /// A stream that is not counted, or a number that no stream has.
    ignored: AtomicU32,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    /// Number of the first note kept.
    first: u64,
    notes: VecDeque<Note>,
}

impl Counters {
    pub(crate) fn new(sinks: usize) -> Self {
        let by_sink = || (0..sinks).map(|_| AtomicU64::new(0)).collect();
        Self {
            offered: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            indeterminate: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            effects: by_sink(),
            dead_letters: by_sink(),
            finals: by_sink(),
            ignored: AtomicU32::new(u32::MAX),
            latest: Mutex::default(),
        }
    }

    /// Leaves a stream out of the totals from now on: that of the probes.
    pub fn ignore_stream(&self, stream: u16) {
        self.ignored.store(u32::from(stream), Relaxed);
    }

    /// Notes from number `from` on, as far as they are still kept, and the number to ask for next.
    #[must_use]
    pub fn notes_from(&self, from: u64) -> (Vec<Note>, u64) {
        let latest = self.latest();
        let skip = usize::try_from(from.saturating_sub(latest.first)).unwrap_or(usize::MAX);
        let notes = latest.notes.iter().skip(skip).cloned().collect();
        (notes, latest.first + latest.notes.len() as u64)
    }

    pub(crate) fn note(&self, note: &Note) {
        let mut latest = self.latest();
        if latest.notes.len() == NOTES_KEPT {
            latest.notes.pop_front();
            latest.first += 1;
        }
        latest.notes.push_back(note.clone());
    }

    pub(crate) fn ops(&self, ops: &[Op]) {
        let ignored = self.ignored.load(Relaxed);
        for run in ops.chunk_by(|a, b| (a.kind, a.place) == (b.kind, b.place)) {
            if let Some(counter) = self.counter(run[0].kind, run[0].place) {
                let is_counted = |op: &&Op| u32::from(op.event.stream()) != ignored;
                counter.fetch_add(run.iter().filter(is_counted).count() as u64, Relaxed);
            }
        }
    }

    fn counter(&self, kind: Kind, place: u16) -> Option<&AtomicU64> {
        let sink = usize::from(place);
        match kind {
            Kind::Offered => Some(&self.offered),
            Kind::Accepted => Some(&self.accepted),
            Kind::Rejected => Some(&self.rejected),
            Kind::Indeterminate => Some(&self.indeterminate),
            Kind::Stored => Some(&self.stored),
            Kind::Effect => self.effects.get(sink),
            Kind::DeadLettered => self.dead_letters.get(sink),
            Kind::Final => self.finals.get(sink),
        }
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Latest> {
        // A thread that panicked while it held the list has left a list all the same.
        self.latest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
