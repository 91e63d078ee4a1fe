//! The one door through which outcomes go into the history: each offered event gets exactly one.

use crate::ledger::Ledger;
use squall_check::{EventId, Kind, Op};
use squall_history::Recorder;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by the dispatcher and the entry's threads.
pub(crate) struct Outcomes {
    stream: u16,
    recorder: Recorder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
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
        Self {
            stream,
            recorder,
            state: Mutex::default(),
        }
    }

    /// Opens and records events, before they go out.
    pub fn offer(&self, ops: &[Op]) {
        {
            let mut state = self.lock();
            for op in ops {
                state.ledger.open(op.event.sequence());
            }
            state.tally.offered += ops.len() as u64;
            let open = state.ledger.open_count();
            state.tally.in_flight_max = state.tally.in_flight_max.max(open);
        }
        self.recorder.ops(ops);
    }

    /// Records outcomes and empties the buffer.
    pub fn settle(&self, ops: &mut Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        {
            let mut state = self.lock();
            let State { ledger, tally } = &mut *state;
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

    pub fn open_count(&self) -> u64 {
        self.lock().ledger.open_count()
    }

    pub fn tally(&self) -> Tally {
        self.lock().tally
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a whole one, so what a panicking thread left is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
