//! The files that a judged run leaves: `report.json`, `junit.xml`, `summary.md`.

use crate::exit::Failure;
use squall_render::{Report, junit, markdown};
use std::path::Path;

/// Writes all reports of a run into its folder.
pub fn write_reports(folder: &Path, report: &Report) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::defect(format!("cannot form report.json: {error}")))?;
    let xml = junit::xml(report)
        .map_err(|error| Failure::defect(format!("cannot form junit.xml: {error}")))?;
    for (name, content) in [
        ("report.json", json + "\n"),
        ("junit.xml", xml),
        ("summary.md", markdown::summary(report)),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    Ok(())
}
