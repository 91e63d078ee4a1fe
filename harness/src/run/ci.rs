//! What a CI system wants beyond files: GitHub's step summary and annotations, when the run is on its runners.

use crate::exit::Failure;
use squall_render::{Report, github, markdown};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Tells GitHub what came of a run; elsewhere nothing. `file`: the scenario's.
///
/// # Errors
/// When the summary cannot be written.
pub fn tell(report: &Report, file: &str, out: &mut dyn Write) -> Result<(), Failure> {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return Ok(());
    }
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        append(Path::new(&path), &markdown::summary(report))?;
    }
    // Nobody may be reading any more, which is no reason to fail a run.
    let _ = write!(out, "{}", github::annotations(report, file));
    Ok(())
}

fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::environment(format!(
            "cannot write the step summary {}: {error}",
            path.display()
        ))
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(cannot)?;
    writeln!(file, "{text}").map_err(cannot)
}
