//! The seam for protocols: what stands between the two sockets of a proxied connection and understands its bytes.
//!
//! A connection without a layer is plain TCP and passes its bytes through untouched. One with a layer feeds it what arrives; whatever
//! goes on is what the layer sends. The path of a byte:
//!
//! ```text
//! source socket -> input -> Layer -> Output -> toxics of the direction -> stall -> destination socket
//! ```
//!
//! Back-pressure: while more than a bound waits to be written to a side, nothing is read from the other one. A layer that wants no more
//! bytes of a side itself says so in [`Layer::wants`]. What a layer leaves in `input` is its own to bound: end a connection whose frame
//! is longer than the protocol allows.

use crate::queue::ByteQueue;
use bytes::{Bytes, BytesMut};
use std::net::SocketAddr;

/// One of the two parties of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who connected to the proxy.
    Client,
    /// Who the proxy connected to.
    Upstream,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Client, Self::Upstream];

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Upstream,
            Self::Upstream => Self::Client,
        }
    }

    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Upstream => 1,
        }
    }
}

/// A protocol layer on one proxied connection. Sans I/O: no sockets, no clock, no threads, no ambient randomness.
///
/// Times are nanoseconds on one monotonic clock. Calls never overlap.
pub trait Layer: Send {
    /// Bytes arrived from `from`: `input` is all that has arrived and was not taken yet. Take what is complete, leave the rest, and
    /// put what goes on (to either side) into `out`.
    fn on_bytes(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output);

    /// `from` has ended its direction (half close); no more bytes will come from it. `input` is what was left in its buffer. Usual is
    /// to send what is left and `out.end(from.other())`.
    fn on_end(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output);

    /// When [`Layer::on_timer`] is to be called, asked for after each call; earlier than now means at once.
    fn next_timer(&self) -> Option<u64>;

    /// The time of [`Layer::next_timer`] has come, or settings that the layer shares with others have changed (`Engine::poke`).
    fn on_timer(&mut self, now_ns: u64, out: &mut Output);

    /// Whether more bytes of `from` are wanted, asked for after each call. While not, they stay in the kernel and the sender feels it.
    /// After it turns from `false` to `true` the layer sees what its buffer still holds at once, even if nothing new arrives.
    fn wants(&self, from: Side) -> bool {
        let _ = from;
        true
    }
}

/// What a layer sends on. Things happen in this order: queued bytes, then ends; a reset overtakes everything.
#[derive(Default, Debug)]
pub struct Output {
    queues: [ByteQueue; 2],
    ends: [bool; 2],
    reset: bool,
}

impl Output {
    /// Queues bytes to be written to `to`, after all that was queued for it before.
    pub fn send(&mut self, to: Side, chunk: Bytes) {
        self.queues[to.index()].push(chunk);
    }

    /// Half-closes towards `to` once everything queued for it has been written. When both sides have been ended, the connection is over.
    pub fn end(&mut self, to: Side) {
        self.ends[to.index()] = true;
    }

    /// Ends the connection at once on both sides with a TCP reset; what is queued is gone.
    pub fn reset(&mut self) {
        self.reset = true;
    }

    /// What is queued for `to` and not yet taken over by the engine.
    pub fn queue(&mut self, to: Side) -> &mut ByteQueue {
        &mut self.queues[to.index()]
    }

    /// Whether `to` is to be half-closed.
    #[must_use]
    pub fn is_ended(&self, to: Side) -> bool {
        self.ends[to.index()]
    }

    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.reset
    }
}

/// The connection that a layer is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionInfo {
    /// Name of the proxy.
    pub proxy: String,
    /// Counts the connections of the proxy from 0, in the order they were accepted.
    pub ordinal: u64,
    /// Seed of the engine. Draws of a layer come from `Streams::new(seed).stream(purpose, ordinal)`.
    pub seed: u64,
    pub client: SocketAddr,
    /// Where the proxy itself listens.
    pub listen: SocketAddr,
}

/// Makes a layer for every connection that a proxy accepts.
pub trait LayerFactory: Send + Sync {
    fn layer(&self, connection: &ConnectionInfo) -> Box<dyn Layer>;
}
