//! The follower's loop towards one leader: one fetch at a time, for all partitions that it leads.

use super::MILLISECOND;
use crate::Nanos;

/// A fetch without an answer for so long beyond its wait is taken for lost.
const LOST_AFTER: Nanos = 1_500 * MILLISECOND;

#[derive(Debug, Default)]
pub struct Fetcher {
    /// Number of the latest fetch; answers to older ones are late.
    session: u64,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// A fetch may go out from this time on.
    Ready(Nanos),
    /// One is under way; at this time it is taken for lost.
    Waiting(Nanos),
    /// Nothing to fetch.
    #[default]
    Idle,
}

impl Fetcher {
    /// The partitions or their epochs changed: what is under way does not count any more.
    pub fn reset(&mut self, now: Nanos) {
        self.state = State::Ready(now);
    }

    pub fn back_off(&mut self, until: Nanos) {
        self.state = State::Ready(until);
    }

    pub fn idle(&mut self) {
        self.state = State::Idle;
    }

    /// The number of the fetch that is to be sent now, if one is.
    pub fn begin(&mut self, now: Nanos, wait: Nanos) -> Option<u64> {
        let due = match self.state {
            State::Ready(at) | State::Waiting(at) => at <= now,
            State::Idle => false,
        };
        if !due {
            return None;
        }
        self.session += 1;
        self.state = State::Waiting(now + wait + LOST_AFTER);
        Some(self.session)
    }

    /// Whether an answer is the one that is waited for.
    pub fn takes(&mut self, session: u64, now: Nanos) -> bool {
        let awaited = session == self.session && matches!(self.state, State::Waiting(_));
        if awaited {
            self.state = State::Ready(now);
        }
        awaited
    }

    pub const fn next_timer(&self) -> Option<Nanos> {
        match self.state {
            State::Ready(at) | State::Waiting(at) => Some(at),
            State::Idle => None,
        }
    }
}
