//! More or fewer arrivals than planned, from one moment on.

use super::ByHand;
use squall_plan::plan::Arrival;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The arrivals of a load, thinned out or multiplied by what the user chose at the time. At 100 % they pass unchanged.
pub struct Tempo<I> {
    planned: I,
    /// Draws the keys of those that no plan has.
    keys: I,
    by_hand: ByHand,
    /// Hundredths of an event that are due.
    credit: u32,
    before_ns: u64,
    now: Option<Arrival>,
    /// Of the planned arrival in hand: how many are to come, and which is next.
    many: u32,
    next: u32,
    sequence: u64,
    count: Arc<AtomicU64>,
}

impl<I: Iterator<Item = Arrival>> Tempo<I> {
    /// `keys`: arrivals of the same load under another seed. The count is of those that came.
    pub fn new(planned: I, keys: I, by_hand: ByHand) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        let tempo = Self {
            planned,
            keys,
            by_hand,
            credit: 0,
            before_ns: 0,
            now: None,
            many: 0,
            next: 0,
            sequence: 0,
            count: Arc::clone(&count),
        };
        (tempo, count)
    }
}

impl<I: Iterator<Item = Arrival>> Iterator for Tempo<I> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        while self.next >= self.many {
            self.before_ns = self.now.map_or(0, |arrival| arrival.at_ns);
            self.now = Some(self.planned.next()?);
            self.credit += self.by_hand.percent();
            (self.many, self.next) = (self.credit / 100, 0);
            self.credit %= 100;
        }
        let planned = self.now?;
        self.next += 1;
        let last = self.next == self.many;
        let gap = planned.at_ns.saturating_sub(self.before_ns);
        let arrival = Arrival {
            at_ns: planned.at_ns - gap * u64::from(self.many - self.next) / u64::from(self.many),
            sequence: self.sequence,
            key: match last {
                true => planned.key,
                false => self.keys.next().map_or(planned.key, |other| other.key),
            },
        };
        self.sequence += 1;
        self.count.store(self.sequence, Relaxed);
        Some(arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(count: u64) -> impl Iterator<Item = Arrival> {
        (0..count).map(|sequence| Arrival {
            at_ns: sequence * 1000,
            sequence,
            key: u32::try_from(sequence).unwrap(),
        })
    }

    #[test]
    fn as_planned_until_something_is_changed() {
        let (tempo, _) = Tempo::new(arrivals(50), arrivals(50), ByHand::default());
        assert!(tempo.eq(arrivals(50)));
    }

    #[test]
    fn the_count_follows_the_percent_times_ascend_and_sequences_are_dense() {
        for (steps, percent) in [(1, 125), (3, 200), (5, 500), (-1, 75), (-4, 10)] {
            let by_hand = ByHand::default();
            by_hand.open(true);
            for _ in 0..i32::abs(steps) {
                by_hand.change_load(steps > 0, 0).unwrap();
            }
            assert_eq!(by_hand.percent(), percent);
            let (tempo, count) = Tempo::new(arrivals(1000), arrivals(9000), by_hand);
            let all: Vec<Arrival> = tempo.collect();
            assert_eq!(all.len() as u32, 10 * percent);
            assert_eq!(count.load(Relaxed), all.len() as u64);
            assert!(all.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
            assert!(
                all.iter()
                    .enumerate()
                    .all(|(n, one)| one.sequence == n as u64)
            );
            assert!(all.iter().all(|one| one.at_ns <= 999_000));
        }
    }
}
