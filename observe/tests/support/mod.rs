//! What the tests share: a recorder, its history, and waiting for a condition.
#![allow(dead_code, clippy::unwrap_used)]

use squall_check::{EventId, Kind, Op};
use squall_history::{Batch, FILE_NAME, Reader, Recorder};
use squall_observe::{Store, TapSpec, Watch};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const RUN: u64 = 7421;
pub const WITHIN: Duration = Duration::from_secs(60);

pub struct History {
    pub folder: TempDir,
    pub watch: Watch,
}

impl History {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&folder.path().join(FILE_NAME), 2).unwrap();
        Self {
            folder,
            watch: Watch {
                start: Instant::now(),
                recorder,
                run: RUN,
            },
        }
    }

    pub fn ops(&self) -> Vec<Op> {
        self.watch.recorder.finish().unwrap();
        let mut ops = Vec::new();
        let mut reader = Reader::open(&self.folder.path().join(FILE_NAME)).unwrap();
        while let Some(batch) = reader.next_batch().unwrap() {
            if let Batch::Ops(batch) = batch {
                ops.extend_from_slice(batch);
            }
        }
        ops
    }
}

pub fn spec(store: Store) -> TapSpec {
    TapSpec {
        name: "sink".into(),
        place: 1,
        kind: Kind::Effect,
        store,
    }
}

pub fn id(sequence: u64) -> String {
    format!("{RUN}-0-{sequence}")
}

/// Ids of the ops of a kind, sorted; the unreadable one as `None`.
pub fn ids(ops: &[Op], kind: Kind) -> Vec<Option<u64>> {
    let mut ids: Vec<_> = ops
        .iter()
        .filter(|op| op.kind == kind)
        .map(|op| (op.event != EventId::UNREADABLE).then_some(op.event.sequence()))
        .collect();
    ids.sort_unstable();
    ids
}

pub fn some(sequences: impl IntoIterator<Item = u64>) -> Vec<Option<u64>> {
    sequences.into_iter().map(Some).collect()
}

pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}
