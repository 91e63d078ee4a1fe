//! The one door through which outcomes go into the history: each offered event gets exactly one.
//!
//! The dispatcher takes no lock that other threads hold: a thread that is preempted while it holds one would delay every
//! event. So it tells what it offers through a channel, which whoever settles reads first.

use crate::ledger::Ledger;
use squall_check::{EventId, Kind, Op};
use squall_history::Recorder;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by the dispatcher and the entry's threads.
pub(crate) struct Outcomes {
    stream: u16,
    recorder: Recorder,
    offered: AtomicU64,
    settled: AtomicU64,
    in_flight_max: AtomicU64,
    open: Sender<Range<u64>>,
    state: Mutex<State>,
}

struct State {
    opened: Receiver<Range<u64>>,
    ledger: Ledger,
    tally: Tally,
}

/// How offered events ended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tally {
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    pub in_flight_max: u64,
    /// Second outcomes of one event, or outcomes of none: not recorded, and a defect.
    pub unmatched: u64,
}

impl Outcomes {
    pub fn new(stream: u16, recorder: Recorder) -> Self {
        let (open, opened) = channel();
        let state = State {
            opened,
            ledger: Ledger::default(),
            tally: Tally::default(),
        };
        Self {
            stream,
            recorder,
            offered: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            in_flight_max: AtomicU64::new(0),
            open,
            state: Mutex::new(state),
        }
    }

    /// Opens and records events, before they go out.
    pub fn offer(&self, ops: &[Op]) {
        let follow = |a: &Op, b: &Op| a.event.sequence() + 1 == b.event.sequence();
        for run in ops.chunk_by(follow) {
            let first = run[0].event.sequence();
            // The receiver lives as long as this does.
            let _ = self.open.send(first..first + run.len() as u64);
        }
        let count = ops.len() as u64;
        let offered = self.offered.fetch_add(count, Relaxed) + count;
        let open = offered.saturating_sub(self.settled.load(Relaxed));
        self.in_flight_max.fetch_max(open, Relaxed);
        self.recorder.ops(ops);
    }

    /// Records outcomes and empties the buffer.
    pub fn settle(&self, ops: &mut Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        {
            let mut state = self.lock();
            let State { ledger, tally, .. } = &mut *state;
            ops.retain(|op| {
                let matched = ledger.close(op.event.sequence());
                match op.kind {
                    _ if !matched => tally.unmatched += 1,
                    Kind::Accepted => tally.accepted += 1,
                    Kind::Rejected => tally.rejected += 1,
                    _ => tally.indeterminate += 1,
                }
                matched
            });
        }
        self.settled.fetch_add(ops.len() as u64, Relaxed);
        self.recorder.ops(ops);
        ops.clear();
    }

    /// Ends everything that is still open as indeterminate, and says how many that were.
    pub fn give_up(&self, at: u64) -> u64 {
        let open = self.lock().ledger.open_sequences();
        let mut ops: Vec<Op> = open
            .iter()
            .map(|sequence| self.outcome(at, *sequence, Kind::Indeterminate))
            .collect();
        self.settle(&mut ops);
        open.len() as u64
    }

    pub fn outcome(&self, at: u64, sequence: u64, kind: Kind) -> Op {
        Op {
            at,
            event: EventId::new(self.stream, sequence),
            offset: -1,
            partition: -1,
            place: self.stream,
            kind,
        }
    }

    /// Offered, without outcome so far.
    pub fn open_count(&self) -> u64 {
        let settled = self.settled.load(Relaxed);
        self.offered.load(Relaxed).saturating_sub(settled)
    }

    pub fn tally(&self) -> Tally {
        Tally {
            offered: self.offered.load(Relaxed),
            in_flight_max: self.in_flight_max.load(Relaxed),
            ..self.lock().tally
        }
    }

    /// The state, with all opened that was offered.
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a whole one, so what a panicking thread left is sound.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(range) = state.opened.try_recv() {
            range.for_each(|sequence| {
                state.ledger.open(sequence);
            });
        }
        state
    }
}
