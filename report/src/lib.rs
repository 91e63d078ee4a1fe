//! What a run leaves for people to look at: `report.html`, charts as PNG, HdrHistogram logs.
//!
//! [`Series::read`] takes what is drawn from the plan and the history of a run's folder, in two passes and in memory that does
//! not grow with the run. [`write`] draws it beside the judged [`squall_render::Report`].

mod chart;
pub mod compare;
mod error;
mod hlog;
mod html;
mod png;
pub mod series;
mod words;

pub use error::ReportError;
pub use html::page;
pub use series::Series;

use squall_plan::Plan;
use squall_render::Report;
use squall_render::report::Story;
use std::path::Path;

/// Everything that the drawings are made of.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    pub plan: &'a Plan,
    pub report: &'a Report,
    pub series: &'a Series,
    /// The way of one ordinary event, shown where no anomaly has a story.
    pub story: Option<&'a Story>,
}

/// Files that [`write`] makes, the page first.
pub const FILES: [&str; 5] = [
    "report.html",
    "timeline.png",
    "latency.png",
    "lag.png",
    hlog::FILE_NAME,
];

/// Draws everything into the run's folder.
///
/// # Errors
/// When a file cannot be drawn or written, with its path.
pub fn write(folder: &Path, material: Material<'_>) -> Result<(), ReportError> {
    let file = |name: &str, bytes: Result<Vec<u8>, ReportError>| {
        let path = folder.join(name);
        std::fs::write(&path, bytes?).map_err(|source| ReportError::Write { path, source })
    };
    // Pictures take most of the time, and none needs another.
    std::thread::scope(|scope| {
        let timeline = scope.spawn(|| file("timeline.png", png::timeline(material)));
        let latency = scope.spawn(|| file("latency.png", png::latency(material)));
        let lag = scope.spawn(|| file("lag.png", png::lag(material)));
        file("report.html", Ok(page(material).into_bytes()))?;
        file(hlog::FILE_NAME, hlog::log(material))?;
        for drawing in [timeline, latency, lag] {
            drawing
                .join()
                .unwrap_or(Err(ReportError::Chart("a drawing ended".to_owned())))?;
        }
        Ok(())
    })
}
