//! What can go wrong while drawing.

use squall_history::HistoryError;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("cannot draw a chart: {0}")]
    Chart(String),
    #[error("cannot write a HdrHistogram log: {0}")]
    Log(String),
}
