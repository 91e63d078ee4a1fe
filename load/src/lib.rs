//! Open-loop load with exact pacing.
//!
//! [`RunningLoad::start`] takes a [`LoadSpec`] (a stream of the plan, or probes) and a [`Target`], sends each event at its
//! intended time from a thread of its own, and records what becomes of it. Every offered event ends in exactly one of
//! accepted, rejected or indeterminate; see [`http::classify`] and [`topic::classify`] for the closed lists.

mod clock;
mod dispatch;
mod entry;
mod error;
pub mod http;
mod ledger;
mod outcomes;
mod priority;
mod report;
mod running;
mod spec;
pub mod topic;

pub use clock::RunTimes;
pub use error::LoadError;
pub use report::{LoadReport, ON_TIME_NS, Spread, StageReport};
pub use running::{Progress, RunningLoad, Target};
pub use spec::{LoadSpec, Probes};
