//! The deterministic simulation: models of brokers, clients, network and stores in virtual time, around the same handlers, in one thread.
//!
//! A plan (with its seed) gives one history, byte for byte, and one trace hash, on any machine: every event that happens is folded
//! into the hash with its time and its place in the order. Nothing in here reads a clock, starts a thread or iterates an unordered map.

mod client;
mod clocks;
mod cluster;
mod director;
mod error;
mod event_set;
mod journal;
mod kernel;
mod network;
mod occurrence;
mod ping_pong;
mod record;
mod runs;
mod service;
mod sinks;
mod world;

pub use error::SimError;
pub use kernel::Nanos;
pub use ping_pong::ping_pong;
pub use runs::Runs;

use squall_history::Event;
use squall_plan::Plan;

/// How a simulation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimOutcome {
    /// Rolling hash over every event of the world and every row of the history: equal hashes, equal runs.
    pub trace_hash: u64,
    /// Events of the world that happened.
    pub events: u64,
    /// Virtual time at the end.
    pub virtual_ns: Nanos,
    pub counts: Counts,
}

/// What is counted and not told to the history.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Messages on the network: requests, answers, between brokers, HTTP.
    pub messages: u64,
    /// Batches that a producer sent again.
    pub retries: u64,
    /// Batches that a producer gave up on.
    pub gave_up: u64,
}

/// How much a simulation tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Everything.
    Full,
    /// What a verdict is made of: the notes of commits, one for nearly every event, stay out. The run and its trace hash are the same.
    Verdict,
}

/// Runs a plan in virtual time and hands every row of its history, in order, to `sink`: first [`squall_history::What::Head`], last
/// [`squall_history::What::End`].
///
/// # Errors
/// The plan asks for what cannot be simulated, or the world came to a standstill.
pub fn run(plan: &Plan, sink: &mut dyn FnMut(Event)) -> Result<SimOutcome, SimError> {
    run_with(plan, Detail::Full, sink)
}

/// As [`run`], with as much detail as asked for.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    plan: &Plan,
    detail: Detail,
    sink: &mut dyn FnMut(Event),
) -> Result<SimOutcome, SimError> {
    director::run(plan, detail, sink)
}
