//! `squall judge RUN`: judges a stored history again.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::{run, verdict};
use clap::Args;
use squall_render::terminal;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct JudgeArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// Write the reports again
    #[arg(long)]
    write: bool,
}

pub fn run(args: &JudgeArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let judged = verdict::judge(&folder)?;
    if args.write {
        run::write_reports(&folder, &judged)?;
    }
    // To the letter what the run printed at its end.
    let text = terminal::summary(
        &judged.report,
        &super::scenario::shown(&folder),
        super::scenario::glyphs(),
    );
    printed(write!(out, "{text}"))?;
    Ok(judged.judgement.verdict.into())
}
