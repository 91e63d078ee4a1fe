//! What a tap says of itself while it runs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Texts kept of what should have been an id of this run.
const FOREIGN_SAMPLES: usize = 16;
const FOREIGN_CHARS: usize = 120;

/// How a tap stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TapState {
    /// It has not read yet.
    #[default]
    Starting,
    /// What it reads is not there yet: a folder, file, table or topic.
    Waiting(String),
    Watching,
    /// The last attempt to read failed.
    Failing(String),
    /// The final read is done.
    Done,
}

/// A tap at one moment.
#[derive(Clone, Debug)]
pub struct TapStatus {
    pub name: String,
    pub place: u16,
    pub state: TapState,
    /// Effects seen live, those with foreign ids included.
    pub seen: u64,
    /// When the last of them was seen, nanoseconds of the run. `None`: none was.
    pub last_seen_ns: Option<u64>,
    /// When it last looked, nanoseconds of the run.
    pub last_poll_ns: u64,
    /// Effects without an id of this run, with samples.
    pub foreign: u64,
    pub foreign_samples: Vec<String>,
    /// Failed attempts to read.
    pub errors: u64,
    /// Since when every attempt fails, nanoseconds of the run.
    pub failing_since_ns: Option<u64>,
    /// How exact the times of its effects are.
    pub resolution: &'static str,
}

/// Between a tap's thread and its handle.
#[derive(Default)]
pub(crate) struct Shared {
    seen: AtomicU64,
    /// One more than the time; 0: never.
    last_seen_ns: AtomicU64,
    last_poll_ns: AtomicU64,
    foreign: AtomicU64,
    errors: AtomicU64,
    slow: Mutex<Slow>,
}

#[derive(Default)]
struct Slow {
    state: TapState,
    failing_since_ns: Option<u64>,
    foreign_samples: Vec<String>,
}

impl Shared {
    pub fn seen(&self, count: u64, at: u64) {
        self.seen.fetch_add(count, Relaxed);
        self.last_seen_ns.fetch_max(at.saturating_add(1), Relaxed);
    }

    pub fn polled(&self, at: u64) {
        self.last_poll_ns.store(at, Relaxed);
    }

    pub fn foreign(&self, text: &[u8]) {
        if self.foreign.fetch_add(1, Relaxed) < FOREIGN_SAMPLES as u64 {
            let text: String = String::from_utf8_lossy(text)
                .chars()
                .take(FOREIGN_CHARS)
                .collect();
            self.lock().foreign_samples.push(text);
        }
    }

    pub fn set_state(&self, state: TapState, now_ns: u64) {
        let mut slow = self.lock();
        if matches!(state, TapState::Failing(_)) {
            self.errors.fetch_add(1, Relaxed);
            slow.failing_since_ns.get_or_insert(now_ns);
        } else {
            slow.failing_since_ns = None;
        }
        if slow.state != state {
            slow.state = state;
        }
    }

    pub fn status(&self, name: &str, place: u16, resolution: &'static str) -> TapStatus {
        let slow = self.lock();
        TapStatus {
            name: name.to_owned(),
            place,
            state: slow.state.clone(),
            seen: self.seen.load(Relaxed),
            last_seen_ns: self.last_seen_ns.load(Relaxed).checked_sub(1),
            last_poll_ns: self.last_poll_ns.load(Relaxed),
            foreign: self.foreign.load(Relaxed),
            foreign_samples: slow.foreign_samples.clone(),
            errors: self.errors.load(Relaxed),
            failing_since_ns: slow.failing_since_ns,
            resolution,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
