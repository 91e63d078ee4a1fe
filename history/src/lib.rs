//! The append-only history of a run: operations on events and notes, in the order in which they were observed.
//!
//! A history is one file, [`FILE_NAME`], in the folder of its run: a mark, then blocks of delta-encoded columns of ops or of JSON lines, each with its checksums.
//! - [`Writer`] writes it in the caller's thread, the same calls making the same bytes;
//! - [`Recorder`] lets many threads write it, with back-pressure and without dropping;
//! - [`Reader`] reads it back, with a torn tail dropped and told.

mod block;
mod columns;
mod counters;
mod error;
mod note;
mod reader;
mod recorder;
mod told;
mod varint;
mod writer;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use error::HistoryError;
pub use note::{
    Event, Fact, FaultState, Head, InSync, InvariantState, LogEnd, Note, Phase, ServiceState, What,
};
pub use reader::{Batch, Reader, Tail};
pub use recorder::{Observer, Recorder, RecorderStats};
pub use told::Place;
pub use writer::{Writer, Written};

/// Name of the history in the folder of a run.
pub const FILE_NAME: &str = "history.squall";

/// Version of the rows' form, for [`Head::version`].
pub const ROWS_VERSION: u32 = 1;
