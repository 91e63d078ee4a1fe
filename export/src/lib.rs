//! A run's history as tables that DuckDB, Polars and pandas open.
//!
//! Two tables, each as Parquet and as JSON Lines: `ops`, one row an operation on an event, and `notes`, one row a note. Memory
//! is bounded: rows are written in groups as the history is read.

mod parquet;
mod tables;
mod thrift;

pub use tables::{FILES, export};

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the history cannot be read: {0}")]
    History(#[from] squall_history::HistoryError),
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}
