//! The append-only history of a run.
