//! librdkafka against live clusters.

mod common;
mod faults;
mod groups;
mod hostile;
mod produce;
