//! librdkafka against live clusters.
#![allow(clippy::unwrap_used)] // helpers outside of test functions too: a failure is a panic

mod common;
mod faults;
mod groups;
mod hostile;
mod produce;
