//! `squall export RUN`: the history as Parquet and JSON Lines.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::verdict;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct ExportArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// Folder to write to; made if it is not there [default: `export` in the run's folder]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

pub fn run(args: &ExportArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let plan = verdict::read_plan(&folder)?;
    let to = args.to.clone().unwrap_or_else(|| folder.join("export"));
    std::fs::create_dir_all(&to)
        .map_err(|error| Failure::environment(format!("cannot make {}: {error}", to.display())))?;
    let (ops, notes) = squall_export::export(&folder, &plan, &to)
        .map_err(|error| Failure::environment(error.to_string()))?;
    for name in squall_export::FILES {
        printed(writeln!(out, "{}", to.join(name).display()))?;
    }
    printed(writeln!(out, "{ops} operations, {notes} notes"))?;
    Ok(Exit::Held)
}
