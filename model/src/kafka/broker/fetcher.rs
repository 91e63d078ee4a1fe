//! The follower's loop towards one leader: one fetch at a time, for all partitions that it leads (KIP-227: after the first fetch of a
//! session only partitions that changed are named).

use super::MILLISECOND;
use crate::Nanos;
use crate::kafka::by_partition::PartitionSet;
use crate::kafka::ids::TopicPartition;

/// A fetch without an answer for so long beyond its wait is taken for lost.
const LOST_AFTER: Nanos = 1_500 * MILLISECOND;

#[derive(Debug, Default)]
pub struct Fetcher {
    /// Number of the latest fetch; answers to older ones are late.
    number: u64,
    state: State,
    /// Whether the leader knows all partitions from an earlier fetch.
    established: bool,
    changed: PartitionSet,
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

/// What the next fetch says.
pub enum Next<C> {
    /// Everything that is followed.
    All,
    Changed(C),
}

impl Fetcher {
    /// The partitions or their epochs changed: what is under way does not count any more.
    pub fn reset(&mut self, now: Nanos) {
        self.back_off(now);
    }

    pub fn back_off(&mut self, until: Nanos) {
        self.established = false;
        self.state = State::Ready(until);
    }

    /// Goes on after a pause for the disk.
    pub fn resume(&mut self, now: Nanos) {
        if self.state == State::Idle {
            self.state = State::Ready(now);
        }
    }

    pub const fn is_established(&self) -> bool {
        self.established
    }

    pub fn idle(&mut self) {
        self.state = State::Idle;
    }

    /// The leader must hear of this partition again.
    pub fn changed(&mut self, partition: TopicPartition) {
        self.changed.insert(partition);
    }

    /// Whether a fetch is to be sent now.
    pub fn is_due(&self, now: Nanos) -> bool {
        match self.state {
            State::Ready(at) | State::Waiting(at) => at <= now,
            State::Idle => false,
        }
    }

    /// What it says, and under which number it goes.
    pub fn begin(
        &mut self,
        now: Nanos,
        wait: Nanos,
    ) -> (u64, Next<impl Iterator<Item = TopicPartition> + '_>) {
        let lost = matches!(self.state, State::Waiting(_));
        let goes_on = self.established && !lost;
        self.number += 1;
        self.established = true;
        self.state = State::Waiting(now + wait + LOST_AFTER);
        let changed = self.changed.drain();
        match goes_on {
            true => (self.number, Next::Changed(changed)),
            // Dropped, they are forgotten.
            false => (self.number, Next::All),
        }
    }

    /// Whether an answer is the one that is waited for.
    pub fn takes(&mut self, number: u64, now: Nanos) -> bool {
        let awaited = number == self.number && matches!(self.state, State::Waiting(_));
        if awaited {
            self.state = State::Ready(now);
        }
        awaited
    }

    /// Partitions that the next fetch will name; a fetch waits for the disk where one of them does.
    pub fn pending(&self) -> impl Iterator<Item = TopicPartition> {
        self.changed.iter()
    }

    pub const fn next_timer(&self) -> Option<Nanos> {
        match self.state {
            State::Ready(at) | State::Waiting(at) => Some(at),
            State::Idle => None,
        }
    }
}
