//! `squall report RUN`: draws the reports of a stored run again.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::{run, verdict};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct ReportArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

/// Exits 0 when all is drawn, whatever the verdict: `squall judge` exits by that.
pub fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let judged = verdict::judge(&folder)?;
    run::write_reports(&folder, &judged)?;
    let shown = super::scenario::shown(&folder);
    for name in squall_report::FILES {
        printed(writeln!(out, "{shown}/{name}"))?;
    }
    let line = squall_render::terminal::last_line(&judged.report);
    printed(writeln!(out, "{line}"))?;
    Ok(Exit::Held)
}
