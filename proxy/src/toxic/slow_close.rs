//! `slow_close`: the end of a direction passes on late.

use super::channel::{End, Item};
use super::{Port, Toxic, ms_to_ns};

pub struct SlowClose {
    delay_ns: u64,
    waiting: Option<(u64, End)>,
}

impl SlowClose {
    pub fn new(delay_ms: i64) -> Self {
        Self {
            delay_ns: ms_to_ns(delay_ms),
            waiting: None,
        }
    }
}

impl Toxic for SlowClose {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        while self.waiting.is_none() && port.has_room() {
            match port.take() {
                Some(Item::Chunk(chunk)) => port.give(chunk),
                Some(Item::End(end)) => {
                    self.waiting = Some((now_ns.saturating_add(self.delay_ns), end));
                    port.tally.held_ends += 1;
                }
                None => return,
            }
        }
        if let Some((due_ns, end)) = self.waiting
            && due_ns <= now_ns
        {
            port.end(end);
        }
    }

    fn due(&self) -> Option<u64> {
        self.waiting.map(|(due_ns, _)| due_ns)
    }

    /// With new settings the wait begins anew.
    fn interrupt(&mut self, port: &mut Port<'_>) {
        if let Some((_, end)) = self.waiting.take() {
            port.input.end(end);
        }
    }
}
