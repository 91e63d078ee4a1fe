//! `squall runs`: what was run, and what came of it.

use super::printed;
use crate::exit::{Exit, Failure};
use clap::Args;
use squall_render::Report;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct RunsArgs {
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

pub fn run(args: &RunsArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut folders = folders(&args.out)?;
    folders.sort();
    if folders.is_empty() {
        printed(writeln!(out, "no runs in {}", args.out.display()))?;
    }
    for folder in folders {
        printed(writeln!(out, "{}", line(&folder)))?;
    }
    Ok(Exit::Held)
}

pub(super) fn folders(reports: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match std::fs::read_dir(reports) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::bad_input(format!(
                "cannot read {}: {error}",
                reports.display()
            )));
        }
    };
    let is_run = |path: &PathBuf| !path.is_symlink() && path.join(crate::run::PLAN_FILE).is_file();
    Ok(entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(is_run)
        .collect())
}

fn line(folder: &Path) -> String {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match report(folder) {
        Some(report) => format!("{name}  {}", squall_render::terminal::last_line(&report)),
        None => format!(
            "{name}  (no report: the run did not end; `squall judge {name}` judges its history)"
        ),
    }
}

fn report(folder: &Path) -> Option<Report> {
    let text = std::fs::read_to_string(folder.join("report.json")).ok()?;
    serde_json::from_str(&text).ok()
}
