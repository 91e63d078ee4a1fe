//! One run: the pipeline from a plan to a judged folder.

mod by_hand;
mod ci;
mod drain;
mod finish;
mod folder;
mod invariants;
mod kept;
mod live;
mod load;
mod metrics;
mod phases;
mod pipeline;
mod punctuality;
mod reports;
mod simulated;
mod steady;
mod taps;
mod targets;
mod traffic;
mod watchdog;

pub use by_hand::SESSION_FILE;
pub use folder::{PLAN_FILE, RunFolder, point_latest};
pub use kept::Kept;
pub use live::Stories;
pub use metrics::Gateway;
pub use pipeline::run;
pub use reports::write_reports;
pub use simulated::TRACE_FILE;

use crate::exit::Exit;
use squall_render::{Glyphs, Report};
use std::path::PathBuf;

/// What the command line chose about a run, beyond the plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder in which the run's own folder is made.
    pub out: PathBuf,
    /// Whether to take over the terminal.
    pub live: bool,
    pub glyphs: Glyphs,
    /// Where the run's metrics are served, and where they are pushed at its end.
    pub metrics: MetricsOptions,
    /// Whether brokers and services stay up after a run that came to its end: see [`Finished::kept`].
    pub keep: bool,
}

/// Prometheus' text format of the run, on the way and at its end.
#[derive(Clone, Debug, Default)]
pub struct MetricsOptions {
    pub serve: Option<std::net::SocketAddr>,
    pub push: Option<Gateway>,
}

impl MetricsOptions {
    const fn are_wanted(&self) -> bool {
        self.serve.is_some() || self.push.is_some()
    }
}

/// A run that has ended and was judged.
#[derive(Debug)]
pub struct Finished {
    pub exit: Exit,
    pub report: Report,
    pub folder: PathBuf,
    /// The user asked it to stop.
    pub interrupted: bool,
    /// What stays up, if that was asked for; it ends when this is dropped.
    pub kept: Option<Kept>,
}
