//! Runs side by side: what differs, and what of it is more than noise.
//!
//! A side of several runs gives a 95 % confidence interval; a difference counts where the interval of the difference of the means
//! (Welch) leaves 0 out. A single run gives none, and is said to be single: of it only counts of what must not be (losses,
//! anomalies, the verdict) are held against the other side, and times where a tolerance was given.

mod figures;
mod html;
mod markdown;
mod stats;
mod text;

#[cfg(test)]
mod tests;

pub use figures::{Direction, Figure, Figures, figures};
pub use html::page;
pub use markdown::markdown;
pub use stats::Estimate;
pub use text::text;

use std::collections::{BTreeMap, BTreeSet};

/// Runs of one kind.
#[derive(Clone, PartialEq, Debug)]
pub struct Side {
    pub name: String,
    pub runs: Vec<Figures>,
    /// What its runs ran, each once.
    pub ran: BTreeSet<String>,
    /// How many of its runs came to no verdict.
    pub inconclusive: usize,
}

/// One figure of all sides, the first being what the others are held against.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub direction: Direction,
    /// By side; `None`: no run of it has the figure.
    pub values: Vec<Option<Estimate>>,
    /// By side; that of the first is [`Mark::Base`].
    pub marks: Vec<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// What the others are held against.
    Base,
    /// No more than noise.
    Same,
    Better,
    Worse,
    /// More than noise, and neither better nor worse.
    Changed,
    /// Single runs: the difference may be noise.
    Unsure,
    Missing,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Names and numbers of runs.
    pub sides: Vec<(String, usize)>,
    pub rows: Vec<Row>,
    /// In per cent, if one was given.
    pub tolerance: Option<f64>,
    /// Why the sides may have nothing to say of each other.
    pub warnings: Vec<String>,
}

/// What is unlike between sides that are held against each other.
fn warnings(sides: &[Side]) -> Vec<String> {
    let mut warnings = Vec::new();
    let told = |side: &Side| {
        let ran: Vec<&str> = side.ran.iter().map(String::as_str).collect();
        format!("{} ran {}", side.name, ran.join(" and "))
    };
    let alike = sides.windows(2).all(|pair| pair[0].ran == pair[1].ran);
    if !alike || sides.iter().any(|side| side.ran.len() > 1) {
        let told: Vec<String> = sides.iter().map(told).collect();
        warnings.push(format!(
            "WARNING: not the same was run: {}",
            told.join("; ")
        ));
    }
    for side in sides.iter().filter(|side| side.inconclusive > 0) {
        let (count, of) = (side.inconclusive, side.runs.len());
        warnings.push(format!(
            "WARNING: {count} of {of} runs of {} came to no verdict",
            side.name
        ));
    }
    warnings
}

impl Comparison {
    /// Compares every side with the first. `tolerance`: in per cent, a change below it never counts; with one, single runs
    /// are held against each other too.
    #[must_use]
    pub fn of(sides: &[Side], tolerance: Option<f64>) -> Self {
        let mut order: Vec<String> = Vec::new();
        let mut known: BTreeMap<&str, &Figure> = BTreeMap::new();
        for figure in sides.iter().flat_map(|side| &side.runs).flatten() {
            if known.insert(&figure.name, figure).is_none() {
                order.push(figure.name.clone());
            }
        }
        let row = |name: &String| {
            let figure = known[name.as_str()];
            let values: Vec<Option<Estimate>> =
                sides.iter().map(|side| estimate(side, name)).collect();
            let base = values.first().copied().flatten();
            let marks = values
                .iter()
                .enumerate()
                .map(|(index, value)| match (index, base, value) {
                    (0, _, _) => Mark::Base,
                    (_, Some(base), Some(value)) => mark(figure, base, *value, tolerance),
                    _ => Mark::Missing,
                })
                .collect();
            Row {
                name: name.clone(),
                unit: figure.unit,
                direction: figure.direction,
                values,
                marks,
            }
        };
        Self {
            sides: sides
                .iter()
                .map(|side| (side.name.clone(), side.runs.len()))
                .collect(),
            rows: order.iter().map(row).collect(),
            tolerance,
            warnings: warnings(sides),
        }
    }

    /// Whether anything is worse than on the first side, beyond noise.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.rows.iter().any(|row| row.marks.contains(&Mark::Worse))
    }

    #[must_use]
    pub fn has_single(&self) -> bool {
        self.sides.iter().any(|(_, runs)| *runs < 2)
    }

    /// What a reader must know of the numbers.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.warnings.clone();
        for (name, runs) in &self.sides {
            notes.push(match runs {
                1 => format!("{name} is a single run: no interval, and its times may be noise"),
                many => format!("{name}: mean of {many} runs with its 95 % interval"),
            });
        }
        if let (true, None) = (self.has_single(), self.tolerance) {
            notes.push("times of single runs count only with --tolerance PER_CENT".to_owned());
        }
        if let Some(tolerance) = self.tolerance {
            notes.push(format!("changes below {tolerance} % do not count"));
        }
        notes
    }

    /// One line that a script can look for.
    #[must_use]
    pub fn last_line(&self) -> String {
        let count = |mark| {
            let rows = self.rows.iter().filter(|row| row.marks.contains(&mark));
            rows.count()
        };
        let word = if self.is_regression() {
            "REGRESSION"
        } else {
            "NO REGRESSION"
        };
        format!(
            "{word}  worse={} better={} unsure={} sides={}",
            count(Mark::Worse),
            count(Mark::Better),
            count(Mark::Unsure),
            self.sides.len()
        )
    }
}

fn estimate(side: &Side, name: &str) -> Option<Estimate> {
    let of_run = |run: &Figures| run.iter().find(|figure| figure.name == name)?.value;
    let values: Vec<f64> = side.runs.iter().filter_map(of_run).collect();
    Estimate::of(&values)
}

fn mark(figure: &Figure, base: Estimate, value: Estimate, tolerance: Option<f64>) -> Mark {
    let difference = value.mean - base.mean;
    if difference == 0.0 {
        return Mark::Same;
    }
    let share = difference.abs() / base.mean.abs().max(f64::MIN_POSITIVE) * 100.0;
    if tolerance.is_some_and(|tolerance| share < tolerance) {
        return Mark::Same;
    }
    let single = base.count < 2 || value.count < 2;
    // What must not be at all is no matter of noise between single runs.
    let counts = !single || figure.exact || tolerance.is_some();
    if !counts {
        return Mark::Unsure;
    }
    if !single && !stats::differ(base, value) {
        return Mark::Same;
    }
    match (figure.direction, difference > 0.0) {
        (Direction::Neither, _) => Mark::Changed,
        (Direction::Lower, false) | (Direction::Higher, true) => Mark::Better,
        _ => Mark::Worse,
    }
}

/// A value with its interval: `148 ± 12`.
fn told(value: Option<Estimate>) -> String {
    use squall_render::text::number;
    match value {
        None => "-".to_owned(),
        Some(Estimate {
            mean,
            half: Some(half),
            ..
        }) if half > 0.0 => format!("{} ± {}", number(mean), number(half)),
        Some(value) => number(value.mean),
    }
}

/// The change against the first side: `+12 %`.
fn change(base: Option<Estimate>, value: Option<Estimate>) -> String {
    let (Some(base), Some(value)) = (base, value) else {
        return String::new();
    };
    match (value.mean - base.mean, base.mean) {
        (0.0, _) => "=".to_owned(),
        (difference, 0.0) => format!("{difference:+.0}"),
        (difference, mean) => format!("{:+.0} %", difference / mean.abs() * 100.0),
    }
}

const fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Base => "",
        Mark::Same => "same",
        Mark::Better => "better",
        Mark::Worse => "WORSE",
        Mark::Changed => "changed",
        Mark::Unsure => "single",
        Mark::Missing => "-",
    }
}
