//! The live view of a run. It owns no data: the harness hands it a [`Snapshot`] a few times a second.

mod draw;
mod screen;
#[cfg(test)]
mod tests;

pub use draw::draw;
pub use screen::{Key, Screen, restore};

/// What a user who asked for an end is told, on the live view and in plain lines.
pub const STOPPING: &str = "stopping: heal, drain, report; Ctrl-C again stops at once";

/// All that the view shows at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub scenario: String,
    pub environment: String,
    pub seed: u64,
    pub phase: String,
    /// The user asked for an end, and what was begun is being brought to it.
    pub stopping: bool,
    pub elapsed_s: f64,
    /// Planned end of the load.
    pub planned_s: f64,
    pub offered: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub indeterminate: u64,
    /// Events a second over the last second.
    pub offered_rate: f64,
    pub accepted_rate: f64,
    /// Accepted rates of the last minutes, oldest first, one a second.
    pub rate_history: Vec<u64>,
    pub sinks: Vec<SinkRow>,
    /// Consumer group and events behind.
    pub lag: Vec<(String, u64)>,
    pub faults: Vec<FaultRow>,
    /// Anomalies known so far: name and count.
    pub anomalies: Vec<(String, u64)>,
    /// Latest notable things, newest last: milliseconds and text.
    pub notes: Vec<(f64, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkRow {
    pub name: String,
    pub effects: u64,
    pub dead_lettered: u64,
    pub rate: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FaultRow {
    pub name: String,
    pub at_s: f64,
    pub until_s: Option<f64>,
    pub state: FaultState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultState {
    Planned,
    Active,
    Healed,
    Failed,
}
