//! Events that wait for their answer and their effects, a bounded number of each stream's youngest.

use std::collections::VecDeque;

/// Events of one stream that may wait at once: 24 MiB.
pub const EVENTS_MAX: usize = 1 << 20;

/// What is known of an event. Sinks beyond the 30th are not followed.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Intended time, nanoseconds of the run.
    pub offered_ns: u64,
    /// One bit a sink: its first effect or its dead letter was seen.
    pub settled: u32,
    /// One bit a sink: its first effect was measured.
    pub measured: u32,
    pub offered: bool,
    pub accepted: bool,
}

/// The window of one stream, by sequence.
#[derive(Debug, Default)]
pub struct Window {
    /// Sequence of the first one.
    first: u64,
    events: VecDeque<Waiting>,
    pub forgotten: u64,
}

impl Window {
    /// The event, if it is still or already in the window. One that lies ahead makes room for itself.
    pub fn get(&mut self, sequence: u64) -> Option<&mut Waiting> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        if index >= self.events.len() + EVENTS_MAX {
            // An id that is far ahead of every other is no event of the load.
            return None;
        }
        while self.events.len() <= index {
            self.events.push_back(Waiting {
                offered_ns: 0,
                settled: 0,
                measured: 0,
                offered: false,
                accepted: false,
            });
        }
        let index = index - self.shrink();
        self.events.get_mut(index)
    }

    /// Forgets the oldest beyond the bound; says how many.
    fn shrink(&mut self) -> usize {
        let surplus = self.events.len().saturating_sub(EVENTS_MAX);
        self.forgotten += surplus as u64;
        self.events.drain(..surplus);
        self.first += surplus as u64;
        surplus
    }

    /// Lets go of the oldest ones for which `done` holds. Later rows on them find nothing.
    pub fn release(&mut self, done: impl Fn(&Waiting) -> bool) {
        // Some stay behind, so that an effect that comes twice is known as such.
        while self.events.len() > EVENTS_MAX / 4 && self.events.front().is_some_and(&done) {
            self.events.pop_front();
            self.first += 1;
        }
    }
}
