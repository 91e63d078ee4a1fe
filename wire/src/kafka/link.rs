//! Links between nodes: latency, bandwidth, order per direction, and faults.

use squall_model::Nanos;
use std::collections::VecDeque;
use std::time::Duration;

/// How a link behaves when nothing is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkConfig {
    pub latency: Duration,
    /// Each message takes up to this much longer, evenly spread. None overtakes another.
    pub jitter: Duration,
    pub bandwidth_bytes_per_s: u64,
}

impl Default for LinkConfig {
    /// A rack: 0.5 ms one way, 10 Gbit/s.
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(500),
            jitter: Duration::ZERO,
            bandwidth_bytes_per_s: 1_250_000_000,
        }
    }
}

/// Draws how much longer one message takes than the link's own latency.
pub type Draw = Box<dyn FnMut() -> Duration + Send>;

/// What stands in a link's queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery<M> {
    Message(M),
    /// The other end's process ended or began: the connection broke.
    Reset,
}

/// What a link has carried since the cluster began: evidence of what a fault did to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkStats {
    /// Messages that were sent over it.
    pub sent: u64,
    /// Of those, the ones that waited because it was blocked: sent meanwhile, or on their way and due meanwhile.
    pub held: u64,
    /// Of those, the ones that were lost because it was cut.
    pub lost: u64,
}

/// One direction of a link.
pub struct Link<M> {
    latency: Nanos,
    jitter: Nanos,
    /// On top of latency and jitter.
    draw: Option<Draw>,
    /// State of the generator for the jitter.
    random: u64,
    bandwidth_bytes_per_s: u64,
    /// When the last byte of what was sent so far has left.
    free_at: Nanos,
    blocked: bool,
    /// How many at the front of the queue were on their way when it was blocked.
    caught: usize,
    cut: bool,
    stats: LinkStats,
    queue: VecDeque<(Nanos, Delivery<M>)>,
}

/// While a link is blocked, as much waits as a socket would hold in messages; then the connection breaks.
const QUEUE_MAX: usize = 4096;

impl<M> Link<M> {
    #[must_use]
    pub fn new(config: LinkConfig) -> Self {
        Self {
            latency: nanos(config.latency),
            jitter: nanos(config.jitter),
            draw: None,
            random: 0,
            bandwidth_bytes_per_s: config.bandwidth_bytes_per_s.max(1),
            free_at: 0,
            blocked: false,
            caught: 0,
            cut: false,
            stats: LinkStats::default(),
            queue: VecDeque::new(),
        }
    }

    /// Sends a message of `bytes`.
    pub fn send(&mut self, now: Nanos, bytes: u64, message: M) {
        let transmit = u128::from(bytes) * 1_000_000_000 / u128::from(self.bandwidth_bytes_per_s);
        let transmit = Nanos::try_from(transmit).unwrap_or(Nanos::MAX / 4);
        self.free_at = self.free_at.max(now).saturating_add(transmit);
        self.stats.sent += 1;
        if self.cut {
            self.stats.lost += 1;
            return self.reset(now);
        }
        if self.blocked {
            self.stats.held += 1;
        }
        if self.queue.len() >= QUEUE_MAX {
            return self.reset(now);
        }
        self.push(Delivery::Message(message));
    }

    /// Drops what is in flight and tells the receiver that the connection broke.
    pub fn reset(&mut self, now: Nanos) {
        self.count_caught(now);
        self.queue.clear();
        self.caught = 0;
        self.free_at = now;
        self.push(Delivery::Reset);
    }

    /// Drops what is in flight.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.caught = 0;
        self.free_at = 0;
    }

    fn push(&mut self, delivery: Delivery<M>) {
        let drawn = self.draw.as_mut().map_or(0, |draw| nanos(draw()));
        let late = self.draw_jitter().saturating_add(drawn);
        let mut at = self
            .free_at
            .saturating_add(self.latency.saturating_add(late));
        // A latency that became shorter must not let later messages overtake.
        if let Some((last, _)) = self.queue.back() {
            at = at.max(*last);
        }
        self.queue.push_back((at, delivery));
    }

    /// A blocked link holds everything, in order, until it is opened again.
    pub fn set_blocked(&mut self, now: Nanos, blocked: bool) {
        if blocked && !self.blocked {
            self.caught = self.queue.len();
        }
        if !blocked {
            self.count_caught(now);
            self.caught = 0;
        }
        self.blocked = blocked;
    }

    fn count_caught(&mut self, now: Nanos) {
        self.stats.held += self.caught_by(now);
    }

    /// Those that would have arrived by now, had the link not been blocked.
    fn caught_by(&self, now: Nanos) -> u64 {
        let caught = self.queue.iter().take(self.caught);
        caught.filter(|(at, _)| *at <= now).count() as u64
    }

    /// On a link that is cut every message is lost, and its connection with it.
    pub fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    #[must_use]
    pub fn stats(&self, now: Nanos) -> LinkStats {
        LinkStats {
            held: self.stats.held + self.caught_by(now),
            ..self.stats
        }
    }

    /// SplitMix64, which passes for noise and needs one word.
    fn draw_jitter(&mut self) -> Nanos {
        if self.jitter == 0 {
            return 0;
        }
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % (self.jitter + 1)
    }

    /// For messages that are sent from now on: what each takes on top of latency and jitter. `None`: nothing.
    pub fn set_draw(&mut self, draw: Option<Draw>) {
        self.draw = draw;
    }

    /// For messages that are sent from now on.
    pub fn set_config(&mut self, config: LinkConfig) {
        self.latency = nanos(config.latency);
        self.jitter = nanos(config.jitter);
        self.bandwidth_bytes_per_s = config.bandwidth_bytes_per_s.max(1);
    }

    /// When the next delivery is due.
    #[must_use]
    pub fn due(&self) -> Option<Nanos> {
        let (at, _) = self.queue.front()?;
        (!self.blocked).then_some(*at)
    }

    /// The next delivery that is due by `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Delivery<M>> {
        if self.due()? > now {
            return None;
        }
        self.queue.pop_front().map(|(_, delivery)| delivery)
    }
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX / 4)
}

#[cfg(test)]
mod tests;
