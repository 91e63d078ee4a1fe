//! Accepted events that a sink seems to have passed: later ones of their partition showed, and they did not. A consumer that
//! crashed or tries again may still come to them, so they are suspects only, and after a while only.

use squall_check::EventId;
use std::collections::{BTreeMap, VecDeque};

/// So long an event may be behind later ones before it is suspected: handlers that work side by side finish in any order.
const GRACE_NS: u64 = 2_000_000_000;
/// Events that wait in all lines together.
const WAITING_MAX: usize = 1 << 20;
const SUSPECTS_MAX: usize = 1 << 16;

/// Where an event was taken: partition and offset.
pub type Place = (i32, i64);

#[derive(Default)]
pub struct Passed {
    /// By sink, stream and partition of the entry.
    lines: BTreeMap<(usize, u16, i32), Line>,
    waiting: usize,
    /// Passed events by sink, and whether they were told.
    suspects: BTreeMap<(usize, EventId), bool>,
    /// The same in the order of time: since when.
    aging: VecDeque<(u64, usize, EventId)>,
}

struct Line {
    /// The largest offset whose event showed.
    furthest: i64,
    /// By offset, nearly: what was accepted and may not have shown yet.
    waiting: VecDeque<(i64, EventId)>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            furthest: -1,
            waiting: VecDeque::new(),
        }
    }
}

impl Passed {
    /// An event that is due in a sink, and has not shown there.
    pub fn accepted(&mut self, sink: usize, event: EventId, (partition, offset): Place) {
        if self.waiting < WAITING_MAX {
            let line = self.line(sink, event, partition);
            line.waiting.push_back((offset, event));
            self.waiting += 1;
        }
    }

    /// An event showed in a sink. True when it was told as a suspect.
    pub fn shown(
        &mut self,
        at_ns: u64,
        sink: usize,
        event: EventId,
        place: Option<Place>,
        is_done: impl Fn(EventId) -> bool,
    ) -> bool {
        let was_told =
            !self.suspects.is_empty() && self.suspects.remove(&(sink, event)).unwrap_or_default();
        let Some((partition, offset)) = place else {
            return was_told;
        };
        let line = self.line(sink, event, partition);
        line.furthest = line.furthest.max(offset);
        let mut passed = Vec::new();
        let before = line.waiting.len();
        while let Some(&(offset, event)) = line.waiting.front() {
            if !is_done(event) {
                if offset >= line.furthest {
                    break;
                }
                passed.push(event);
            }
            line.waiting.pop_front();
        }
        self.waiting -= before - line.waiting.len();
        for event in passed {
            if self.suspects.len() < SUSPECTS_MAX {
                self.suspects.insert((sink, event), false);
                self.aging.push_back((at_ns, sink, event));
            }
        }
        was_told
    }

    /// The next that has been passed for long enough to be told.
    pub fn suspect(&mut self, now_ns: u64) -> Option<(usize, EventId)> {
        while let Some(&(since, sink, event)) = self.aging.front() {
            if now_ns.saturating_sub(since) < GRACE_NS {
                return None;
            }
            self.aging.pop_front();
            if let Some(told) = self.suspects.get_mut(&(sink, event)) {
                *told = true;
                return Some((sink, event));
            }
        }
        None
    }

    /// Whether later ones of the event's partition showed in the sink.
    pub fn is_past(&self, sink: usize, event: EventId, (partition, offset): Place) -> bool {
        let line = self.lines.get(&(sink, event.stream(), partition));
        line.is_some_and(|line| line.furthest > offset)
    }

    fn line(&mut self, sink: usize, event: EventId, partition: i32) -> &mut Line {
        let key = (sink, event.stream(), partition);
        self.lines.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SECOND: u64 = 1_000_000_000;

    fn event(sequence: u64) -> EventId {
        EventId::new(0, sequence)
    }

    #[test]
    fn who_is_passed_is_suspected_after_a_while_and_let_go_when_it_shows() {
        let mut passed = Passed::default();
        let mut done = BTreeSet::new();
        for sequence in 0..4_u64 {
            passed.accepted(0, event(sequence), (3, sequence as i64));
        }
        let mut show = |passed: &mut Passed, at, sequence: u64| {
            done.insert(event(sequence));
            let place = Some((3, sequence as i64));
            passed.shown(at, 0, event(sequence), place, |event| done.contains(&event))
        };
        assert!(!show(&mut passed, 0, 0));
        assert!(!show(&mut passed, SECOND, 2), "1 is passed");
        assert!(passed.is_past(0, event(1), (3, 1)));
        assert!(!passed.is_past(0, event(3), (3, 3)), "nothing later showed");
        assert_eq!(passed.suspect(SECOND), None, "not yet");
        assert_eq!(passed.suspect(3 * SECOND), Some((0, event(1))));
        assert_eq!(passed.suspect(9 * SECOND), None, "once");
        assert!(show(&mut passed, 10 * SECOND, 1), "it was told, and showed");
        assert!(!show(&mut passed, 10 * SECOND, 3));
        assert_eq!(passed.waiting, 0);
    }

    #[test]
    fn who_shows_in_time_is_never_told() {
        let mut passed = Passed::default();
        passed.accepted(1, event(0), (0, 10));
        passed.accepted(1, event(1), (0, 11));
        assert!(!passed.shown(0, 1, event(1), Some((0, 11)), |one| one == event(1)));
        assert!(!passed.shown(SECOND, 1, event(0), Some((0, 10)), |_| true));
        assert_eq!(passed.suspect(9 * SECOND), None);
    }
}
