//! Time in which a process that starts may be kept from being ready by something else than itself.

use super::state::Shared;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many hindrances there are, and when the last one ended.
#[derive(Clone, Copy, Default)]
pub(super) struct Hindrances {
    in_force: usize,
    over_since: Option<Instant>,
}

impl Hindrances {
    /// How long a start that began then has had nothing in its way.
    pub fn unhindered(&self, begun: Instant, now: Instant) -> Duration {
        if self.in_force > 0 {
            return Duration::ZERO;
        }
        let since = self.over_since.map_or(begun, |over| over.max(begun));
        now.saturating_duration_since(since)
    }
}

/// While it lives, time to become ready does not count.
pub struct Hindrance(Arc<Shared>);

impl Hindrance {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.lock().hindrances.in_force += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Hindrance {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.hindrances.in_force -= 1;
        state.hindrances.over_since = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_counts_from_the_end_of_the_last_hindrance() {
        let begun = Instant::now();
        let at = |seconds: u32| begun + SECOND * seconds;
        let mut hindrances = Hindrances::default();
        assert_eq!(hindrances.unhindered(begun, at(3)), SECOND * 3);
        hindrances.in_force = 1;
        assert_eq!(hindrances.unhindered(begun, at(30)), Duration::ZERO);
        hindrances.in_force = 0;
        hindrances.over_since = Some(at(31));
        assert_eq!(hindrances.unhindered(begun, at(33)), SECOND * 2);
        assert_eq!(
            hindrances.unhindered(at(32), at(33)),
            SECOND,
            "what was over before it began"
        );
    }
}
