//! What a CI system wants beyond files: GitHub's step summary and annotations, when the run is on its runners.

use squall_render::{Report, github, markdown};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Tells GitHub what came of a run; elsewhere nothing. `file`: the scenario's. That it could not be told is a warning: the verdict stands.
pub fn tell(report: &Report, file: &str, out: &mut dyn Write) {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return;
    }
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY")
        && let Err(error) = append(Path::new(&path), &markdown::summary(report))
    {
        let path = path.display();
        // Nobody may be reading any more, which is no reason to fail a run.
        let _ = writeln!(
            std::io::stderr(),
            "warning: cannot write the step summary {path}: {error}"
        );
    }
    let _ = write!(out, "{}", github::annotations(report, file));
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{text}")
}
