//! What can go wrong with a history.

use std::path::PathBuf;

/// An error of writing or reading a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot {action} the history {}: {source}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "cannot write the history: {source}. Free some space or choose another folder with --out, then run again"
    )]
    Write { source: std::io::Error },
    #[error("cannot read the history at byte {at}: {source}")]
    Read { at: u64, source: std::io::Error },
    #[error(
        "not a history of Squall: the file does not begin with its mark. Give the folder of a run, or its {}",
        crate::FILE_NAME
    )]
    NotAHistory,
    #[error(
        "the history is written in form {found}, this Squall reads up to form {known}: use the Squall that wrote it, or a newer one"
    )]
    Version { found: u16, known: u16 },
    #[error(
        "the history is damaged in block {block} at byte {at}: {why}. What stands before it is sound; the run cannot be judged, run it again"
    )]
    Corrupt { block: u64, at: u64, why: String },
    /// An earlier error of the same writer; what came after it was not written.
    #[error("the history broke off earlier ({first}); {rows_dropped} rows were not written")]
    Broken { first: String, rows_dropped: u64 },
    #[error("the recorder's thread ended without a word: a defect in Squall")]
    Thread,
}
