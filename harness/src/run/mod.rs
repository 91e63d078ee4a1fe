//! One run: the pipeline from a plan to a judged folder.

mod drain;
mod finish;
mod folder;
mod live;
mod load;
mod phases;
mod pipeline;
mod reports;
mod simulated;
mod steady;
mod taps;
mod traffic;

pub use folder::{PLAN_FILE, RunFolder};
pub use live::Stories;
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
}

/// A run that has ended and was judged.
#[derive(Debug)]
pub struct Finished {
    pub exit: Exit,
    pub report: Report,
    pub folder: PathBuf,
    /// The user asked it to stop.
    pub interrupted: bool,
}
