//! What happened over time, from the plan and the history alone.
//!
//! The first pass reads the notes: when the load began and ended, faults, elections, services, lag. It says how wide a bucket
//! must be for the run to fit [`BUCKETS_MAX`] of them. The second pass reads the operations. An event waits in a bounded
//! [`window`] for its answer and its effects; what is pushed out of it counts in every rate and in no latency.

mod distribution;
mod grid;
mod lag;
mod marks;
mod ops;
mod window;

pub use distribution::Distribution;
pub use grid::{BUCKETS_MAX, Grid};
pub use lag::{Named, Values};
pub use marks::{FaultBand, Mark, MarkKind, Marks};

use squall_check::EventId;
use squall_history::{Batch, HistoryError, Reader};
use squall_plan::Plan;
use std::collections::BTreeMap;
use std::path::Path;

/// A run as numbers over time. All times are on the load clock: 0 is the first possible arrival.
#[derive(Debug)]
pub struct Series {
    pub grid: Grid,
    /// By bucket of the intended time.
    pub offered: Vec<u64>,
    /// By bucket of the answer's time.
    pub accepted: Vec<u64>,
    pub rejected: Vec<u64>,
    pub indeterminate: Vec<u64>,
    /// Time from the intended send until the system took the event.
    pub accept: Latency,
    pub sinks: Vec<SinkSeries>,
    /// Lag by consumer group, in records, the largest in each bucket; `None` before it was first known.
    pub lag: BTreeMap<String, Values>,
    /// The same by partition, for each group: name (`signups/0`) and values, in the order of topic and number.
    pub lag_partitions: BTreeMap<String, Vec<Named>>,
    pub marks: Marks,
    /// The event that took longest to its effect, with the index of the sink and the time in milliseconds.
    pub slowest: Option<(EventId, usize, f64)>,
    /// Events that waited longer than [`window::EVENTS_MAX`] others: in no latency.
    pub forgotten: u64,
    /// Bytes after the last whole block of the history.
    pub bytes_dropped: u64,
}

/// One sink over time.
#[derive(Debug)]
pub struct SinkSeries {
    pub name: String,
    /// Stored effects as they showed, duplicates too.
    pub effects: Vec<u64>,
    pub dead_letters: Vec<u64>,
    /// Accepted events that had neither effect nor dead letter yet, at the end of each bucket.
    pub pending: Vec<u64>,
    /// Time from the intended send until the first effect.
    pub latency: Latency,
}

/// A latency by bucket of the intended send time, and of the whole load without its warm-up.
#[derive(Debug, Default)]
pub struct Latency {
    pub buckets: Vec<Distribution>,
    pub total: Distribution,
}

impl Series {
    /// Reads the run in `folder`.
    ///
    /// # Errors
    /// When the history cannot be opened or is damaged in the middle.
    pub fn read(folder: &Path, plan: &Plan) -> Result<Self, HistoryError> {
        let mut notes = Reader::open(folder)?;
        let mut gather = marks::Gather::new(plan);
        while let Some(rows) = notes.next_notes()? {
            rows.iter().for_each(|note| gather.note(note));
        }
        let marks = gather.finish(plan);
        let grid = Grid::covering(marks.ends_ms);
        let mut ops = ops::Gather::new(plan, &marks, grid);
        let mut lag = lag::Gather::new(grid, marks.epoch_ns);
        let mut reader = Reader::open(folder)?;
        while let Some(batch) = reader.next_batch()? {
            match batch {
                Batch::Ops(rows) => rows.iter().for_each(|op| ops.op(op)),
                Batch::Notes(rows) => rows.iter().for_each(|note| lag.note(note)),
            }
        }
        let mut series = ops.finish();
        (series.lag, series.lag_partitions) = lag.finish();
        series.marks = marks;
        series.bytes_dropped = reader.tail().bytes_dropped;
        Ok(series)
    }
}

impl Latency {
    fn sized(buckets: usize) -> Self {
        Self {
            buckets: (0..buckets).map(|_| Distribution::default()).collect(),
            total: Distribution::default(),
        }
    }
}
