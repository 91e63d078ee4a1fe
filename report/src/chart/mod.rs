//! Charts as values: what the page draws as SVG and the pictures as pixels.

mod axis;
pub mod svg;
mod timely;

pub use axis::{Unit, X, Y};
pub use timely::{
    accept_latency, effect_latency, in_flight, lag, lag_by_partition, percentiles, rates,
};

use crate::words;

/// One pair of axes with its lines.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Part of ids in the page.
    pub id: String,
    pub title: String,
    /// What exactly is drawn, one or two sentences.
    pub note: String,
    pub x: X,
    pub y: Y,
    pub unit: Unit,
    pub lines: Vec<Line>,
    pub bands: Vec<Band>,
    pub marks: Vec<Tickmark>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    /// Index into the palette; 0 is neutral.
    pub colour: u8,
    pub dash: Dash,
    /// Filled down to the axis.
    pub area: bool,
    /// By x; `None` is a gap.
    pub points: Vec<(f64, Option<f64>)>,
}

/// Lines differ in more than colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// A stretch of time in which a fault held.
#[derive(Clone, Debug)]
pub struct Band {
    pub from: f64,
    pub until: f64,
    pub name: String,
}

/// Something that happened at a moment, drawn at the foot of the chart.
#[derive(Clone, Debug)]
pub struct Tickmark {
    pub at: f64,
    /// `▲` and the like.
    pub kind: crate::series::MarkKind,
    pub text: String,
}

impl Chart {
    /// Whether any line has a value.
    #[must_use]
    pub fn has_values(&self) -> bool {
        let known = |line: &Line| line.points.iter().any(|(_, value)| value.is_some());
        self.lines.iter().any(known)
    }

    /// The chart in words, for those who do not see it.
    #[must_use]
    pub fn told(&self) -> String {
        let peak = |line: &Line| {
            let values = line.points.iter().filter_map(|&(x, y)| y.map(|y| (x, y)));
            let (x, y) = values.max_by(|a, b| a.1.total_cmp(&b.1))?;
            let place = self.x.told(x);
            Some(format!(
                "{}: at most {} {place}",
                line.name,
                self.unit.value(y)
            ))
        };
        let lines: Vec<String> = self.lines.iter().filter_map(peak).collect();
        let bands = self.bands.iter().take(20).map(|band| {
            format!(
                "fault {} from {:.1} s to {:.1} s",
                band.name, band.from, band.until
            )
        });
        let bands: Vec<String> = bands.collect();
        let text = format!("{}. {}. {}", self.title, lines.join("; "), bands.join("; "));
        words::inert(text.trim_end_matches([' ', '.']))
    }
}
