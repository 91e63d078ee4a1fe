//! The files that a judged run leaves: `report.json`, `junit.xml`, `summary.md`, then what is drawn: `report.html` and the like.

use crate::exit::Failure;
use crate::verdict::{self, Judged};
use squall_render::{junit, markdown};
use squall_report::{Material, Series};
use std::path::Path;

/// Writes all reports of a run into its folder. What machines read comes first.
pub fn write_reports(folder: &Path, judged: &Judged) -> Result<(), Failure> {
    let report = &judged.report;
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
    draw(folder, judged)
}

/// Draws the page, the pictures and the latency log.
fn draw(folder: &Path, judged: &Judged) -> Result<(), Failure> {
    let failed = |error: squall_report::ReportError| {
        Failure::environment(format!("the drawn reports: {error}"))
            .hint("report.json, junit.xml and summary.md are written; `squall report` draws again")
    };
    let series = Series::read(folder, &judged.plan).map_err(|error| failed(error.into()))?;
    let has_story = judged
        .report
        .anomalies
        .iter()
        .any(|anomaly| anomaly.story.is_some());
    // Where nothing went wrong the slowest event is the one worth a look.
    let slowest = series.slowest.filter(|_| !has_story);
    let story =
        slowest.and_then(|(event, sink, _)| verdict::tell(folder, &judged.plan, event, sink));
    let material = Material {
        plan: &judged.plan,
        report: &judged.report,
        series: &series,
        story: story.as_ref(),
    };
    squall_report::write(folder, material).map_err(failed)
}
