//! Charts for the page. Only lines are SVG, stretched to whatever room there is; all text is HTML beside it, so that it keeps its size on
//! a phone.

use super::{Band, Chart, Dash, Line};
use crate::series::MarkKind;
use crate::words::{digits, inert};
use maud::{Markup, html};
use std::fmt::Write;

/// Side of the square that every plot is drawn in.
const SIDE: f64 = 1000.0;

/// Rows of the table that tells a chart's values.
const TABLE_ROWS: usize = 24;

/// A chart with its title, legend and values.
pub fn figure(chart: &Chart) -> Markup {
    html! {
        figure.chart id={ "chart-" (chart.id) } {
            figcaption {
                h3 { (inert(&chart.title)) }
                p.note { (chart.note) }
            }
            (legend(chart))
            (plot(chart))
            (values(chart))
        }
    }
}

fn legend(chart: &Chart) -> Markup {
    let has = |kind: MarkKind| chart.marks.iter().any(|mark| mark.kind == kind);
    html! {
        ul.legend {
            @for line in &chart.lines {
                li {
                    svg.swatch viewBox="0 0 28 10" aria-hidden="true" {
                        @if line.area { rect.fill.{ "f" (line.colour) } width="28" height="10" {} }
                        path.line.{ "c" (line.colour) }.(dash(line.dash)) d="M0 5H28" {}
                    }
                    (inert(&line.name))
                }
            }
            @if !chart.bands.is_empty() { li { span.swatch.band {} "fault" } }
            @for kind in [MarkKind::Election, MarkKind::Rebalance, MarkKind::ServiceDown, MarkKind::ServiceUp] {
                @if has(kind) { li { span.glyph.(class(kind)) { (glyph(kind)) } (name(kind)) } }
            }
        }
    }
}

fn plot(chart: &Chart) -> Markup {
    let xs = chart
        .lines
        .first()
        .map(|line| list(line.points.iter().map(|(x, _)| Some(*x))));
    html! {
        div.plot tabindex="0" role="img" aria-label=(chart.told()) data-unit=(chart.unit.label()) data-x=(xs.unwrap_or_default())
            data-places=(places(chart)) {
            div.ylabels aria-hidden="true" {
                span.unit { (chart.unit.label()) }
                @for tick in chart.y.ticks(chart.unit) { span style={ "bottom:" (percent(tick.at)) } { (tick.label) } }
            }
            div.field aria-hidden="true" {
                (drawing(chart))
                @for band in &chart.bands { (band_name(chart, band)) }
                @for mark in &chart.marks {
                    span.mark.(class(mark.kind)) style={ "left:" (percent(chart.x.place(mark.at))) }
                        title={ (digits(mark.at)) " s: " (inert(&mark.text)) } { (glyph(mark.kind)) }
                }
            }
            div.xlabels aria-hidden="true" {
                @for tick in chart.x.ticks() {
                    span.minor[tick.minor] style={ "left:" (percent(tick.at)) } { (tick.label) }
                }
            }
            div.xunit aria-hidden="true" { (chart.x.label()) }
        }
    }
}

fn drawing(chart: &Chart) -> Markup {
    let side = SIDE as u32;
    html! {
        svg viewBox={ "0 0 " (side) " " (side) } preserveAspectRatio="none" focusable="false" {
            @for band in &chart.bands {
                @let from = chart.x.place(band.from) * SIDE;
                @let until = chart.x.place(band.until) * SIDE;
                rect.band x=(tenth(from)) width=(tenth((until - from).max(2.0))) y="0" height=(side) {}
            }
            @for tick in chart.y.ticks(chart.unit) {
                path.grid d={ "M0 " (tenth((1.0 - tick.at) * SIDE)) "H" (side) } {}
            }
            @for line in &chart.lines {
                @let path = path(chart, line);
                @if line.area { path.fill.{ "f" (line.colour) } d=(filled(chart, line)) {} }
                path.line.{ "c" (line.colour) }.(dash(line.dash)) d=(path) data-name=(inert(&line.name))
                    data-v=(list(line.points.iter().map(|(_, y)| *y))) {}
            }
        }
    }
}

/// Its name has the room until the next fault begins.
fn band_name(chart: &Chart, band: &Band) -> Markup {
    let from = chart.x.place(band.from);
    let others = chart.bands.iter().map(|other| chart.x.place(other.from));
    let width = others.filter(|other| *other > from).fold(1.0, f64::min) - from;
    let name = inert(&band.name);
    html! {
        span.bandname style={ "left:" (percent(from)) ";width:" (percent(width.max(0.004))) }
            title={ (name) ": " (digits(band.from)) " s to " (digits(band.until)) " s" } { (name) }
    }
}

/// The line as path data: moves where a gap was, and nothing for points that lie on the way.
fn path(chart: &Chart, line: &Line) -> String {
    let mut data = String::new();
    let mut pen_down = false;
    let mut flat: Option<f64> = None;
    for (x, value) in &line.points {
        let Some(value) = value else {
            lift(&mut data, &mut flat);
            pen_down = false;
            continue;
        };
        let x = chart.x.place(*x) * SIDE;
        let y = (1.0 - chart.y.place(*value)) * SIDE;
        let same = data.rsplit(' ').next().is_some_and(|last| last == tenth(y));
        if pen_down && same {
            flat = Some(x);
            continue;
        }
        lift(&mut data, &mut flat);
        let _ = write!(
            data,
            "{}{} {}",
            if pen_down { "L" } else { "M" },
            tenth(x),
            tenth(y)
        );
        pen_down = true;
    }
    lift(&mut data, &mut flat);
    // A lone point would not show.
    data.replace('M', "\u{1}")
        .split('\u{1}')
        .filter(|part| !part.is_empty())
        .map(visible)
        .collect()
}

/// Ends a flat stretch at its last point.
fn lift(data: &mut String, flat: &mut Option<f64>) {
    if let Some(x) = flat.take() {
        let y = data.rsplit(' ').next().unwrap_or("0").to_owned();
        let _ = write!(data, "L{} {y}", tenth(x));
    }
}

fn visible(part: &str) -> String {
    let stays = if part.contains('L') { "" } else { "h2" };
    format!("M{part}{stays}")
}

/// The line closed along the foot of the chart.
fn filled(chart: &Chart, line: &Line) -> String {
    let mut data = String::new();
    let known = line.points.iter().filter_map(|&(x, y)| y.map(|y| (x, y)));
    for (index, (x, y)) in known.enumerate() {
        let (x, y) = (chart.x.place(x) * SIDE, (1.0 - chart.y.place(y)) * SIDE);
        if index == 0 {
            let _ = write!(data, "M{} {SIDE}", tenth(x));
        }
        let _ = write!(data, "L{} {}", tenth(x), tenth(y));
    }
    if let Some(last) = data
        .rsplit('L')
        .next()
        .and_then(|point| point.split(' ').next())
    {
        let last = last.to_owned();
        let _ = write!(data, "L{last} {SIDE}Z");
    }
    data
}

/// A few of the values as a table: what the picture shows, for those who read.
fn values(chart: &Chart) -> Markup {
    let rows = chart
        .lines
        .iter()
        .map(|line| line.points.len())
        .max()
        .unwrap_or(0);
    let step = rows.div_ceil(TABLE_ROWS).max(1);
    let cell = |line: &Line, row: usize| {
        let value = line.points.get(row).and_then(|(_, value)| *value);
        value.map_or_else(|| "–".to_owned(), |value| chart.unit.value(value))
    };
    html! {
        details.values {
            summary { "Values of “" (inert(&chart.title)) "”" }
            div.scroll { table {
                caption { "Every " (ordinal(step)) " value" }
                thead { tr {
                    th scope="col" { (chart.x.label()) }
                    @for line in &chart.lines { th scope="col" { (inert(&line.name)) } }
                } }
                tbody { @for row in (0..rows).step_by(step) { tr {
                    @let x = chart.lines.iter().find_map(|line| line.points.get(row)).map_or(0.0, |point| point.0);
                    th scope="row" { (digits(x)) }
                    @for line in &chart.lines { td { (cell(line, row)) } }
                } } }
            } }
        }
    }
}

/// Places of the points on the horizontal axis, in thousandths.
fn places(chart: &Chart) -> String {
    let line = chart.lines.first();
    let place = |(x, _): &(f64, _)| Some((chart.x.place(*x) * 1e3).round());
    line.map(|line| list(line.points.iter().map(place)))
        .unwrap_or_default()
}

fn list(values: impl Iterator<Item = Option<f64>>) -> String {
    let mut text = String::new();
    for value in values {
        if let Some(value) = value {
            // Four digits are more than anybody sees.
            let rounded = if value.abs() >= 1000.0 {
                value.round()
            } else {
                (value * 1e3).round() / 1e3
            };
            let _ = write!(text, "{rounded}");
        }
        text.push(',');
    }
    text.pop();
    text
}

/// One digit behind the point, none where it is 0.
fn tenth(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

fn percent(place: f64) -> String {
    format!("{:.2}%", place * 100.0)
}

const fn dash(dash: Dash) -> &'static str {
    match dash {
        Dash::Solid => "solid",
        Dash::Dashed => "dashed",
        Dash::Dotted => "dotted",
    }
}

const fn class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Election => "election",
        MarkKind::Rebalance => "rebalance",
        MarkKind::ServiceDown => "down",
        MarkKind::ServiceUp => "up",
    }
}

const fn glyph(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Election => "◆",
        MarkKind::Rebalance => "●",
        MarkKind::ServiceDown => "▼",
        MarkKind::ServiceUp => "▲",
    }
}

pub const fn name(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Election => "leader elected",
        MarkKind::Rebalance => "group rebalanced",
        MarkKind::ServiceDown => "process ended",
        MarkKind::ServiceUp => "process ready",
    }
}

/// `11th`, `2nd`, `103rd`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
