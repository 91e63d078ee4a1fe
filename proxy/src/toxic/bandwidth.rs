//! `bandwidth`: chunks pass at a rate; large ones in parts every 100 ms.

use super::channel::{Chunk, Item};
use super::{Port, Toxic};

const PART_NS: i64 = 100_000_000;
const PART_MS: i64 = 100;
const NS_PER_MS: i64 = 1_000_000;

pub struct Bandwidth {
    rate_kb_s: i64,
    /// What the bytes so far still have to wait; below zero when the last wait was too long.
    owed_ns: i64,
    hand: Option<Hand>,
}

struct Hand {
    chunk: Chunk,
    since_ns: u64,
    /// When the next part leaves; `None` is never.
    due_ns: Option<u64>,
    /// The wait is over and accounted for; only room is missing.
    paid: bool,
}

impl Bandwidth {
    pub fn new(rate_kb_s: i64) -> Self {
        Self {
            rate_kb_s: rate_kb_s.max(0),
            owed_ns: 0,
            hand: None,
        }
    }

    fn part_bytes(&self) -> usize {
        usize::try_from(self.rate_kb_s.saturating_mul(PART_MS)).unwrap_or(usize::MAX)
    }

    fn take_up(&mut self, chunk: Chunk, now_ns: u64, port: &mut Port<'_>) {
        if self.rate_kb_s > 0 {
            let bytes = i64::try_from(chunk.data.len()).unwrap_or(i64::MAX);
            self.owed_ns += bytes.saturating_mul(NS_PER_MS) / self.rate_kb_s;
        }
        let held = chunk.data.len();
        let hand = self.wait(chunk, now_ns);
        if hand.due_ns.is_none_or(|due| due > now_ns) {
            port.note_held(held);
        }
        self.hand = Some(hand);
    }

    fn wait(&self, chunk: Chunk, now_ns: u64) -> Hand {
        let wait_ns = if self.rate_kb_s == 0 {
            None
        } else if chunk.data.len() > self.part_bytes() {
            Some(PART_NS)
        } else {
            Some(self.owed_ns)
        };
        Hand {
            chunk,
            since_ns: now_ns,
            due_ns: wait_ns.map(|wait| now_ns.saturating_add_signed(wait.max(0))),
            paid: false,
        }
    }

    /// Gives the part that is due; `false` when there is none or no room.
    fn give_due(&mut self, now_ns: u64, port: &mut Port<'_>) -> bool {
        let Some(hand) = &mut self.hand else {
            return true;
        };
        if hand.due_ns.is_none_or(|due| due > now_ns) {
            return false;
        }
        if !hand.paid {
            hand.paid = true;
            let waited_ns = i64::try_from(now_ns - hand.since_ns).unwrap_or(i64::MAX);
            self.owed_ns = self.owed_ns.saturating_sub(waited_ns);
        }
        if !port.has_room() {
            return false;
        }
        let Some(Hand { mut chunk, .. }) = self.hand.take() else {
            return true;
        };
        let part_bytes = self.part_bytes();
        if chunk.data.len() > part_bytes {
            let data = chunk.data.split_to(part_bytes);
            let at_ns = chunk.at_ns;
            port.give(Chunk { data, at_ns });
            self.hand = Some(self.wait(chunk, now_ns));
        } else {
            port.give(chunk);
        }
        true
    }
}

impl Toxic for Bandwidth {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        loop {
            while self.hand.is_some() {
                if !self.give_due(now_ns, port) {
                    return;
                }
            }
            match port.take() {
                Some(Item::Chunk(chunk)) => self.take_up(chunk, now_ns, port),
                Some(Item::End(end)) => return port.end(end),
                None => return,
            }
        }
    }

    fn due(&self) -> Option<u64> {
        self.hand.as_ref().and_then(|hand| hand.due_ns)
    }

    fn interrupt(&mut self, port: &mut Port<'_>) {
        self.owed_ns = 0;
        if let Some(hand) = self.hand.take() {
            port.give(hand.chunk);
        }
    }

    fn in_hand_bytes(&self) -> usize {
        self.hand.as_ref().map_or(0, |hand| hand.chunk.data.len())
    }
}
