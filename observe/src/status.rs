//! What a tap says of itself while it runs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// How exact the times of its effects are, in milliseconds: the longest time between the ends of two looks, less what a
    /// look waits for news that it would tell at once. What a Kafka client needs to fetch is not in it. `None`: it has not
    /// looked twice at a store that was there.
    pub resolution_ms: Option<f64>,
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
    /// One more than the time; 0: not known.
    resolution_ns: AtomicU64,
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

    /// Two looks ended this far apart, of which the second waited for news for at most `attentive`.
    pub fn unwatched(&self, between_ns: u64, attentive: Duration) {
        let attentive_ns = u64::try_from(attentive.as_nanos()).unwrap_or(u64::MAX);
        let unwatched = between_ns.saturating_sub(attentive_ns);
        self.resolution_ns
            .fetch_max(unwatched.saturating_add(1), Relaxed);
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

    pub fn status(&self, name: &str, place: u16) -> TapStatus {
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
            resolution_ms: self
                .resolution_ns
                .load(Relaxed)
                .checked_sub(1)
                .map(|ns| ns as f64 / 1e6),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolution_is_the_longest_time_that_nobody_watched() {
        let shared = Shared::default();
        assert_eq!(shared.status("s", 0).resolution_ms, None);
        let ms = |ms: u64| ms * 1_000_000;
        shared.unwatched(ms(50), Duration::from_millis(50));
        assert_eq!(shared.status("s", 0).resolution_ms, Some(0.0));
        shared.unwatched(ms(12), Duration::ZERO);
        shared.unwatched(ms(40), Duration::from_millis(50));
        assert_eq!(shared.status("s", 0).resolution_ms, Some(12.0));
    }
}
