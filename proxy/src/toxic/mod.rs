//! Toxics: what a fault does to the bytes of one direction. Names, attributes and semantics are Toxiproxy's (2.12, folder `toxics/`).
//!
//! A new kind is one file beside this one, a row in [`ToxicKind`], and its arm in [`ToxicKind::build`].

mod bandwidth;
mod channel;
mod latency;
mod limit_data;
mod pipeline;
mod port;
mod reset_peer;
mod slicer;
mod slow_close;
mod timeout;

#[cfg(test)]
mod tests;

pub use channel::End;
pub use pipeline::{Out, Pipeline, Tally};

use port::Port;
use squall_plan::fault::Distribution;

/// Which bytes of a connection are meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the client to the upstream.
    Upstream,
    /// From the upstream to the client.
    Downstream,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::Upstream, Self::Downstream];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// Toxiproxy's word for it, in any case of letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::BOTH
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(text))
    }

    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Upstream => 0,
            Self::Downstream => 1,
        }
    }
}

/// A kind of toxic with its attributes, in Toxiproxy's units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToxicKind {
    /// Every byte leaves `latency_ms` ± up to `jitter_ms` after it came.
    Latency { latency_ms: i64, jitter_ms: i64 },
    /// At most `rate_kb_s` thousand bytes a second; nothing at all when 0 or less.
    Bandwidth { rate_kb_s: i64 },
    /// The end of the direction passes on `delay_ms` late.
    SlowClose { delay_ms: i64 },
    /// Drops all bytes, and closes the connection after `timeout_ms` without any; never when 0.
    Timeout { timeout_ms: i64 },
    /// Resets the connection `timeout_ms` after the first bytes (or the end) came.
    ResetPeer { timeout_ms: i64 },
    /// Cuts what comes at once into pieces, each `delay_us` after the one before.
    Slicer {
        average_size_bytes: i64,
        size_variation_bytes: i64,
        delay_us: i64,
    },
    /// Closes the connection after this many bytes.
    LimitData { bytes: i64 },
    /// Does nothing.
    Noop,
    /// Every byte leaves so much after it came as [`crate::spread::draw`] says, in order. Not Toxiproxy's: its API does not know it.
    Spread {
        latency_ns: u64,
        jitter_ns: u64,
        distribution: Distribution,
    },
}

impl ToxicKind {
    /// Toxiproxy's kinds with every attribute zero.
    pub const ALL: [Self; 8] = [
        Self::Latency {
            latency_ms: 0,
            jitter_ms: 0,
        },
        Self::Bandwidth { rate_kb_s: 0 },
        Self::SlowClose { delay_ms: 0 },
        Self::Timeout { timeout_ms: 0 },
        Self::ResetPeer { timeout_ms: 0 },
        Self::Slicer {
            average_size_bytes: 0,
            size_variation_bytes: 0,
            delay_us: 0,
        },
        Self::LimitData { bytes: 0 },
        Self::Noop,
    ];

    /// Toxiproxy's name of the type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowClose { .. } => "slow_close",
            Self::Timeout { .. } => "timeout",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Slicer { .. } => "slicer",
            Self::LimitData { .. } => "limit_data",
            Self::Noop => "noop",
            Self::Spread { .. } => "spread",
        }
    }

    /// The type of this name with every attribute zero, as Toxiproxy starts one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The attributes under Toxiproxy's names, in its order.
    pub fn attributes(&mut self) -> Vec<(&'static str, &mut i64)> {
        match self {
            Self::Latency {
                latency_ms,
                jitter_ms,
            } => vec![("latency", latency_ms), ("jitter", jitter_ms)],
            Self::Bandwidth { rate_kb_s } => vec![("rate", rate_kb_s)],
            Self::SlowClose { delay_ms } => vec![("delay", delay_ms)],
            Self::Timeout { timeout_ms } | Self::ResetPeer { timeout_ms } => {
                vec![("timeout", timeout_ms)]
            }
            Self::Slicer {
                average_size_bytes,
                size_variation_bytes,
                delay_us,
            } => vec![
                ("average_size", average_size_bytes),
                ("size_variation", size_variation_bytes),
                ("delay", delay_us),
            ],
            Self::LimitData { bytes } => vec![("bytes", bytes)],
            Self::Noop | Self::Spread { .. } => Vec::new(),
        }
    }

    /// The machine of this kind for one direction of one connection, from `now_ns` on.
    fn build(&self, now_ns: u64) -> Box<dyn Toxic> {
        match *self {
            Self::Latency {
                latency_ms,
                jitter_ms,
            } => Box::new(latency::Latency::new(latency_ms, jitter_ms)),
            Self::Bandwidth { rate_kb_s } => Box::new(bandwidth::Bandwidth::new(rate_kb_s)),
            Self::SlowClose { delay_ms } => Box::new(slow_close::SlowClose::new(delay_ms)),
            Self::Timeout { timeout_ms } => Box::new(timeout::Timeout::new(timeout_ms, now_ns)),
            Self::ResetPeer { timeout_ms } => Box::new(reset_peer::ResetPeer::new(timeout_ms)),
            Self::Slicer {
                average_size_bytes,
                size_variation_bytes,
                delay_us,
            } => Box::new(slicer::Slicer::new(
                average_size_bytes,
                size_variation_bytes,
                delay_us,
            )),
            Self::LimitData { bytes } => Box::new(limit_data::LimitData::new(bytes)),
            Self::Noop => Box::new(Noop),
            Self::Spread {
                latency_ns,
                jitter_ns,
                distribution,
            } => Box::new(latency::Latency::spread(
                latency_ns,
                jitter_ns,
                distribution,
            )),
        }
    }
}

/// A toxic as it is set on a proxy.
#[derive(Clone, PartialEq, Debug)]
pub struct ToxicSpec {
    /// Unique in its proxy.
    pub name: String,
    pub kind: ToxicKind,
    pub direction: Direction,
    /// Share of connections that it acts on, 0 to 1.
    pub toxicity: f32,
}

impl ToxicSpec {
    /// A toxic on every connection, under Toxiproxy's default name (`latency_downstream`).
    #[must_use]
    pub fn new(kind: ToxicKind, direction: Direction) -> Self {
        Self {
            name: format!("{}_{}", kind.name(), direction.name()),
            kind,
            direction,
            toxicity: 1.0,
        }
    }
}

/// The machine of a toxic on one direction of one connection. Sans I/O; times are nanoseconds.
trait Toxic: Send {
    /// Does all that can be done at `now_ns`: takes chunks, gives those that are due.
    fn run(&mut self, now_ns: u64, port: &mut Port<'_>);

    /// When [`Toxic::run`] has something to do even if nothing arrives.
    fn due(&self) -> Option<u64> {
        None
    }

    /// Lets go of what is in hand, at once: the settings are about to change.
    fn interrupt(&mut self, port: &mut Port<'_>) {
        let _ = port;
    }

    /// The toxic is about to be taken away.
    fn removed(&mut self, port: &mut Port<'_>) {
        self.interrupt(port);
    }

    /// Follows new settings from `now_ns` on; `self` has been interrupted.
    fn change(&mut self, now_ns: u64, kind: &ToxicKind) -> Option<Box<dyn Toxic>> {
        Some(kind.build(now_ns))
    }

    /// Bytes in hand.
    fn in_hand_bytes(&self) -> usize {
        0
    }

    /// Chunks that may wait in front of it.
    fn buffer_chunks(&self) -> usize {
        1
    }
}

/// Passes everything on.
struct Noop;

impl Toxic for Noop {
    fn run(&mut self, _now_ns: u64, port: &mut Port<'_>) {
        port.pass();
    }
}

/// Milliseconds as nanoseconds; nothing for negative ones, as Go's timers have it.
fn ms_to_ns(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000)
}
