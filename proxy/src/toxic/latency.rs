//! `latency`: a chunk leaves a while after it came, in order.

use super::channel::{Chunk, Item};
use super::{Port, Toxic};
use squall_plan::rng::Rng;

const NS_PER_MS: i64 = 1_000_000;

pub struct Latency {
    latency_ms: i64,
    jitter_ms: i64,
    /// The chunk in hand; its time is when it leaves.
    hand: Option<Chunk>,
}

impl Latency {
    pub fn new(latency_ms: i64, jitter_ms: i64) -> Self {
        Self {
            latency_ms,
            jitter_ms,
            hand: None,
        }
    }

    /// Uniform in `latency ± jitter`, in whole milliseconds as in Toxiproxy.
    fn delay_ns(&self, rng: &mut Rng) -> i64 {
        let spread = u64::try_from(self.jitter_ms).unwrap_or(0);
        let jitter_ms = match spread {
            0 => 0,
            _ => i64::try_from(rng.below(spread.saturating_mul(2)))
                .unwrap_or(i64::MAX)
                .saturating_sub(self.jitter_ms),
        };
        let delay_ms = self.latency_ms.saturating_add(jitter_ms);
        delay_ms.saturating_mul(NS_PER_MS)
    }
}

impl Toxic for Latency {
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>) {
        loop {
            if let Some(chunk) = &self.hand {
                if chunk.at_ns > now_ns || !port.has_room() {
                    return;
                }
                if let Some(chunk) = self.hand.take() {
                    port.give(chunk);
                }
            }
            match port.take() {
                Some(Item::Chunk(mut chunk)) => {
                    let delay_ns = self.delay_ns(port.rng);
                    chunk.at_ns = chunk.at_ns.saturating_add_signed(delay_ns);
                    if chunk.at_ns > now_ns {
                        port.note_held(chunk.data.len());
                    }
                    self.hand = Some(chunk);
                }
                Some(Item::End(end)) => return port.end(end),
                None => return,
            }
        }
    }

    fn due(&self) -> Option<u64> {
        self.hand.as_ref().map(|chunk| chunk.at_ns)
    }

    fn interrupt(&mut self, port: &mut Port<'_>) {
        if let Some(chunk) = self.hand.take() {
            port.give(chunk);
        }
    }

    fn in_hand_bytes(&self) -> usize {
        self.hand.as_ref().map_or(0, |chunk| chunk.data.len())
    }

    fn buffer_chunks(&self) -> usize {
        1024
    }
}
