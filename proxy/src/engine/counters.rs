//! What passed a proxy, and what faults did to it: the evidence of a run.

use crate::toxic::Direction;

/// Counts of one direction since the proxy was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DirectionCounters {
    /// Bytes read from the source.
    pub received_bytes: u64,
    /// Bytes written to the destination.
    pub sent_bytes: u64,
    /// Bytes that a toxic or a stall made wait. A byte that waits for several counts for each.
    pub held_bytes: u64,
    /// Bytes that a fault holds now.
    pub holding_bytes: u64,
    /// Bytes that a toxic made vanish.
    pub dropped_bytes: u64,
    /// Ends of the stream that a toxic or a stall made wait.
    pub held_ends: u64,
}

/// Counts of a proxy since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    pub upstream: DirectionCounters,
    pub downstream: DirectionCounters,
    /// Connections accepted, and those of them that are open.
    pub connections: u64,
    pub connections_open: u64,
    /// Connections that were accepted and reset at once, because new ones are refused ([`super::Refusal::Reset`]).
    pub connections_refused: u64,
    /// Connections whose upstream could not be reached.
    pub upstream_failures: u64,
    /// Connections that the proxy reset: by `cut`, by `reset_peer`, or by a layer.
    pub resets: u64,
    /// Connections that a toxic closed before their time (`timeout`, `limit_data`).
    pub closed_by_toxic: u64,
}

impl Counters {
    #[must_use]
    pub const fn direction(&self, direction: Direction) -> &DirectionCounters {
        match direction {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        }
    }

    pub(super) const fn direction_mut(&mut self, direction: Direction) -> &mut DirectionCounters {
        match direction {
            Direction::Upstream => &mut self.upstream,
            Direction::Downstream => &mut self.downstream,
        }
    }
}
