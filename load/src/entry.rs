//! How events get into the system: the seam between the dispatcher and the ways in.

use crate::clock::RunTimes;
use crate::outcomes::Outcomes;
use hdrhistogram::Histogram;
use squall_plan::plan::Arrival;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The finest pacing, far below the aim of 1 ms.
pub(crate) const QUANTUM_NS: u64 = 100_000;

/// A way in. Called on the dispatcher's thread.
pub(crate) trait Entry: Send {
    /// Sends events whose time has come. May wait for room (back-pressure): what follows is then late, which shows.
    fn offer(&mut self, due: &[Arrival]);

    /// Events due within so short a time go out together: at high rates that saves wake-ups, here and of all threads behind.
    fn quantum_ns(&self) -> u64 {
        QUANTUM_NS
    }

    /// Returns when every event has its outcome, or the entry's own deadline has passed.
    fn finish(self: Box<Self>) -> EntryReport;
}

/// What all entries share.
#[derive(Clone)]
pub(crate) struct Context {
    pub times: RunTimes,
    pub outcomes: Arc<Outcomes>,
    /// An event without an answer for this long is indeterminate.
    pub timeout_ns: u64,
}

/// What an entry counted.
#[derive(Default)]
pub(crate) struct EntryReport {
    pub statuses: BTreeMap<u16, u64>,
    pub causes: BTreeMap<String, u64>,
    /// Second copies of events that were acknowledged.
    pub copies: u64,
    /// First byte out less intended time, where that differs from dispatching.
    pub sending: Option<Histogram<u64>>,
    pub problems: Vec<String>,
}
