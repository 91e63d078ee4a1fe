//! Charts as pictures for a post-mortem: the page's charts, drawn with a font that comes along, so that every machine draws the same.

mod canvas;
mod panel;

use crate::Material;
use crate::chart::{self, Chart};
use crate::error::ReportError;
use crate::words::{inert, short, time};
use canvas::{Anchor, Canvas, INK, SOFT};
use squall_render::report::Verdict;

const WIDTH: u32 = 1600;
const HEAD: u32 = 100;
const PANEL: u32 = 430;

/// Rates, and what is in flight.
pub fn timeline(material: Material<'_>) -> Result<Vec<u8>, ReportError> {
    picture(
        material,
        &[chart::rates(material), chart::in_flight(material)],
    )
}

/// Latencies over time, and by percentile.
pub fn latency(material: Material<'_>) -> Result<Vec<u8>, ReportError> {
    let mut charts = vec![chart::accept_latency(material)];
    let sinks = 0..material.series.sinks.len().min(4);
    charts.extend(sinks.filter_map(|sink| chart::effect_latency(material, sink)));
    charts.push(chart::percentiles(material));
    picture(material, &charts)
}

/// Groups whose partitions are drawn in a picture.
const GROUPS_DRAWN: usize = 4;

/// Lag by consumer group and by partition, and what is in flight by sink.
pub fn lag(material: Material<'_>) -> Result<Vec<u8>, ReportError> {
    let mut charts = vec![chart::lag(material)];
    let by_partition = chart::lag_by_partition(material).into_iter();
    charts.extend(by_partition.take(GROUPS_DRAWN));
    charts.push(chart::in_flight(material));
    picture(material, &charts)
}

fn picture(material: Material<'_>, charts: &[Chart]) -> Result<Vec<u8>, ReportError> {
    let height = HEAD + PANEL * charts.len() as u32 + 20;
    let mut canvas = Canvas::new(WIDTH, height)?;
    head(&mut canvas, material)?;
    for (index, chart) in charts.iter().enumerate() {
        let top = HEAD + PANEL * index as u32;
        panel::draw(&mut canvas, chart, f64::from(top), f64::from(PANEL))?;
    }
    canvas.into_png()
}

fn head(canvas: &mut Canvas, material: Material<'_>) -> Result<(), ReportError> {
    let report = material.report;
    let variant = report
        .variant
        .as_ref()
        .map(|variant| format!(" ({variant})"));
    let name =
        short(&inert(&report.scenario), 50) + &short(&inert(&variant.unwrap_or_default()), 30);
    let verdict = match report.verdict {
        Verdict::Held => ("held", (0, 105, 74)),
        Verdict::Violated => ("violated", (168, 51, 10)),
        Verdict::Inconclusive => ("inconclusive", (122, 82, 0)),
    };
    let headline = match report.headline.as_str() {
        "" => String::new(),
        headline => format!(" ({})", short(&inert(headline), 40)),
    };
    canvas.text(&name, (40.0, 24.0), 34.0, INK, Anchor::Left)?;
    let right = f64::from(WIDTH) - 40.0;
    canvas.text(
        &format!("{}{headline}", verdict.0),
        (right, 24.0),
        34.0,
        verdict.1,
        Anchor::Right,
    )?;
    let under = format!(
        "seed {}  ·  {}  ·  {}  ·  {}  ·  Squall {}",
        report.seed,
        short(&inert(&report.setting), 60),
        time(report.duration_s * 1e3),
        report.started.split('.').next().unwrap_or_default(),
        report.version
    );
    canvas.text(&under, (40.0, 68.0), 18.0, SOFT, Anchor::Left)
}
