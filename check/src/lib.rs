//! Checkers, thresholds and verdict over a compact operation stream.

mod op;

pub use op::{EventId, Kind, Op};
