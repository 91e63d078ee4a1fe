//! What a tap has read, on its way into the history.

use crate::id::IdReader;
use crate::status::Shared;
use squall_check::{EventId, Kind, Op};
use squall_history::Recorder;
use std::sync::Arc;
use std::time::Instant;

/// Ops that are recorded at once.
const BATCH: usize = 1024;

/// What all taps of a run share.
#[derive(Clone)]
pub struct Watch {
    /// Time 0 of the history.
    pub start: Instant,
    pub recorder: Recorder,
    /// The run's seed: what ids begin with.
    pub run: u64,
}

impl Watch {
    /// Nanoseconds since the start of the run.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Takes what a source reads, and records it in batches.
pub(crate) struct Effects {
    watch: Watch,
    shared: Arc<Shared>,
    pub ids: IdReader,
    place: u16,
    kind: Kind,
    ops: Vec<Op>,
    foreign: u64,
}

impl Effects {
    pub fn new(watch: Watch, shared: Arc<Shared>, place: u16, kind: Kind) -> Self {
        let ids = IdReader::new(watch.run);
        Self {
            watch,
            shared,
            ids,
            place,
            kind,
            ops: Vec::with_capacity(BATCH),
            foreign: 0,
        }
    }

    pub fn now_ns(&self) -> u64 {
        self.watch.now_ns()
    }

    /// One effect seen at `at`. `text` is where the id was looked for, for the samples of what is no id of this run.
    pub fn push(&mut self, at: u64, id: Option<EventId>, text: &[u8], partition: i32, offset: i64) {
        if id.is_none() {
            self.foreign += 1;
            self.shared.foreign(text);
        }
        let event = id.unwrap_or(EventId::UNREADABLE);
        self.ops.push(Op {
            at,
            event,
            offset,
            partition,
            place: self.place,
            kind: self.kind,
        });
        if self.ops.len() >= BATCH {
            self.flush();
        }
    }

    /// Records what is gathered.
    pub fn flush(&mut self) {
        let Some(last) = self.ops.last() else { return };
        if self.kind != Kind::Final {
            self.shared.seen(self.ops.len() as u64, last.at);
        }
        self.watch.recorder.ops(&self.ops);
        self.ops.clear();
    }

    /// From now on the effects are those of the final read.
    pub fn become_final(&mut self) {
        self.flush();
        self.kind = Kind::Final;
        self.foreign = 0;
    }

    /// Effects so far without an id of this run; since the final read began, if it has.
    pub const fn foreign_count(&self) -> u64 {
        self.foreign
    }
}
