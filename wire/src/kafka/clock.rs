//! Which time a cluster lives in.

/// The clock behind every time-out, link and flush of a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// The monotonic clock of the machine.
    #[default]
    Real,
    /// Time stands still unless [`Cluster::pass`](super::Cluster::pass) lets it go on (or the cluster starts, creates topics, waits to be
    /// ready or shuts a broker down), and then it jumps from one thing that is due to the next. What a client sees depends on what it asks
    /// and in which order, and not on how busy the machine is.
    Virtual,
}

/// A client's connection, as whoever drives a virtual clock knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The client's own port, and the broker's: a system may use one port towards several brokers.
    pub ports: (u16, u16),
    /// Bytes that it has sent since it connected: no time passes before the server has read them, or has a request of this connection in work.
    pub bytes: u64,
}
