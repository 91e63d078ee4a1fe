//! Connections between the parties of a run, and what may be done to them.
//!
//! A fault names two parties; a [`Network`] knows which connections run between them, puts a treatment on each that flows
//! the named way, and counts what met it: that count is the evidence that the fault bit.

mod touched;

pub use touched::Touched;

use super::supervision::ReplicaId;
use squall_plan::fault::Treatment;
use std::fmt;

/// One end of connections.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    Broker(u32),
    /// Where the controller is a node of its own.
    Controller,
    Replica(ReplicaId),
    /// The harness's own producers.
    Load,
    /// A sink that Squall serves.
    Sink(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Controller => f.write_str("the controller"),
            Self::Replica(id) => write!(f, "{id}"),
            Self::Load => f.write_str("the load"),
            Self::Sink(name) => write!(f, "sink {name}"),
        }
    }
}

/// The connections of a run. Treatments of one direction add up: delays are summed, the narrowest bandwidth counts.
pub trait Network: Send + Sync {
    /// Addresses of all brokers by which this end is to reach them, so that its connections can be told from others'.
    ///
    /// # Errors
    /// Text for users: no port can be had.
    fn bootstrap(&self, of: &End) -> Result<String, String>;

    /// Address by which this end is to reach a sink that Squall serves; `None`: it serves no such sink.
    ///
    /// # Errors
    /// Text for users: no port can be had.
    fn sink_address(&self, of: &End, sink: &str) -> Result<Option<String>, String> {
        let _ = (of, sink);
        Ok(None)
    }

    /// Bytes that have passed between this end and the brokers where faults can reach them. None, though it was at work,
    /// means that it goes another way, and no fault on its connections is one.
    fn passed_bytes(&self, of: &End) -> u64;

    /// Connections to a sink that Squall serves which were made where faults can reach them. Fewer than the sink's server has
    /// taken mean that somebody goes past the faults.
    fn connections_to_sink(&self, sink: &str) -> u64 {
        let _ = sink;
        0
    }

    /// Treats all that flows from one end to the other, on connections old and new, until the result is lifted or
    /// dropped. `None`: no connection ever runs between these two.
    ///
    /// # Errors
    /// Text for users: these connections cannot be treated so.
    fn treat(
        &self,
        from: &End,
        to: &End,
        treatment: &Treatment,
    ) -> Result<Option<Box<dyn Treated>>, String>;

    /// Cuts the connections to a party and refuses new ones, from every end that reaches it, until lifted or dropped.
    ///
    /// # Errors
    /// Text for users: nobody connects to it, or it cannot be done.
    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String>;
}

/// A treatment in force. It is lifted when dropped, at the latest.
pub trait Treated: Send {
    /// What has met it so far.
    fn touched(&self) -> Touched;

    /// Lifting twice does nothing.
    ///
    /// # Errors
    /// Text for users.
    fn lift(&mut self) -> Result<(), String>;
}
