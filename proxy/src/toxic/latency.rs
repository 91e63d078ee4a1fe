//! `latency` and `spread`: a chunk leaves a while after it came, in order.

use super::channel::{Chunk, Item};
use super::{Port, Toxic};
use crate::spread;
use squall_plan::fault::Distribution;
use squall_plan::rng::Rng;

const NS_PER_MS: i64 = 1_000_000;

pub struct Latency {
    late: Late,
    /// The chunk in hand; its time is when it leaves.
    hand: Option<Chunk>,
}

/// How late a chunk is.
#[derive(Clone, Copy)]
enum Late {
    /// Uniform in `latency ± jitter`, in whole milliseconds as in Toxiproxy.
    Even { latency_ms: i64, jitter_ms: i64 },
    Spread {
        latency_ns: u64,
        jitter_ns: u64,
        distribution: Distribution,
    },
}

impl Latency {
    pub const fn new(latency_ms: i64, jitter_ms: i64) -> Self {
        Self {
            late: Late::Even {
                latency_ms,
                jitter_ms,
            },
            hand: None,
        }
    }

    pub const fn spread(latency_ns: u64, jitter_ns: u64, distribution: Distribution) -> Self {
        Self {
            late: Late::Spread {
                latency_ns,
                jitter_ns,
                distribution,
            },
            hand: None,
        }
    }
}

impl Late {
    fn draw_ns(self, rng: &mut Rng) -> i64 {
        match self {
            Self::Even {
                latency_ms,
                jitter_ms,
            } => {
                let delay_ms = latency_ms.saturating_add(even(jitter_ms, rng));
                delay_ms.saturating_mul(NS_PER_MS)
            }
            Self::Spread {
                latency_ns,
                jitter_ns,
                distribution,
            } => {
                let delay_ns = spread::draw(latency_ns, jitter_ns, distribution, rng);
                i64::try_from(delay_ns).unwrap_or(i64::MAX)
            }
        }
    }
}

fn even(jitter_ms: i64, rng: &mut Rng) -> i64 {
    match u64::try_from(jitter_ms).unwrap_or(0) {
        0 => 0,
        spread => i64::try_from(rng.below(spread.saturating_mul(2)))
            .unwrap_or(i64::MAX)
            .saturating_sub(jitter_ms),
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
                    let delay_ns = self.late.draw_ns(port.rng);
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
