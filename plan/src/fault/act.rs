//! What kinds do, in terms of what environments can do. A new kind that needs nothing else is its row alone.
use super::Odd;

/// What happens to a fault's target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Its processes end, and start again when the fault heals.
    End(Ending),
    /// Its processes live and do nothing until the fault heals.
    Pause,
    /// What [`super::Terms`] say happens to its connections.
    Treat,
    /// As [`Self::Treat`], in turns.
    Flap,
    /// Connections to it are cut and refused.
    Close,
    /// Its brokers are restarted in order, each once the one before is back in sync.
    RollBrokers,
    /// Its replicas are replaced by another version, each once the one before is ready.
    Deploy,
    /// A sink takes nothing, late, or not always.
    Trouble(SinkTrouble),
    /// A broker's disk takes nothing, or takes its time.
    Disk(DiskTrouble),
    /// Its processes end in order, and their successors take their time to begin.
    SlowStart,
    /// Events besides the load's, of a kind that asks for care.
    Events(Odd),
    /// Its wall clock is wrong.
    Skew,
    /// It has another number of replicas until the fault heals.
    Scale,
}

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Without notice: SIGKILL, or a broker that dies with its page cache kept.
    Kill,
    /// Asked to: SIGTERM, or a broker's controlled shutdown.
    Stop,
    /// A broker's machine loses power: what was not flushed is gone.
    PowerLoss,
}

/// What is wrong with a broker's disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskTrouble {
    /// It has no room.
    Full,
    /// Each write takes longer, and appends wait for it.
    Slow,
}

/// What is wrong with a sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SinkTrouble {
    /// It takes nothing.
    Down,
    /// It takes everything, late.
    Slow,
    /// It refuses some of what it is given, for now.
    Error,
}
