//! Expressions: an aggregate, a comparison, a limit: `p(99.9) <= 250`.

use super::error::ThresholdError;
use super::key::{MetricKind, Shape};
use crate::metrics::Trend;
use std::fmt;

/// `p(99)<3000`, read and checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Expression {
    pub aggregate: Aggregate,
    pub comparison: Comparison,
    pub limit: f64,
    /// As it was written.
    pub text: String,
}

/// What of a metric is compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aggregate {
    /// Per cent, 0 to 100.
    Percentile(f64),
    Mean,
    Min,
    Max,
    Median,
    Count,
    Rate,
    Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// The longer ones first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("===", Comparison::Equal),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

const TREND: &str = "p(N), avg, min, max, med and count";

impl Comparison {
    #[must_use]
    pub fn holds(self, observed: f64, limit: f64) -> bool {
        match self {
            Self::Less => observed < limit,
            Self::LessOrEqual => observed <= limit,
            Self::Greater => observed > limit,
            Self::GreaterOrEqual => observed >= limit,
            // Limits are written by people: what prints alike is alike.
            Self::Equal => (observed - limit).abs() <= f64::EPSILON * limit.abs().max(1.0),
            Self::NotEqual => !Self::Equal.holds(observed, limit),
        }
    }
}

impl Aggregate {
    pub(super) fn of_trend(self, trend: &Trend) -> Option<f64> {
        match self {
            Self::Percentile(per_cent) => trend.percentile_ms(per_cent),
            Self::Mean => trend.mean_ms(),
            Self::Min => trend.min_ms(),
            Self::Max => trend.max_ms(),
            Self::Median => trend.percentile_ms(50.0),
            // An empty trend was not measured, it did not measure nothing.
            Self::Count => (!trend.is_empty()).then(|| trend.count() as f64),
            Self::Rate | Self::Value => None,
        }
    }
}

impl Expression {
    /// Reads an expression; the metric's shape is checked by [`super::Threshold::parse`].
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        let error = |column: usize, what: &str, mend: &str| ThresholdError {
            text: text.to_owned(),
            column: column + 1,
            what: what.to_owned(),
            mend: mend.to_owned(),
            unknown: None,
        };
        let Some(at) = text.find(['<', '>', '=', '!']) else {
            let what = "there is no comparison in it";
            return Err(error(text.len(), what, "write it like p(99)<3000"));
        };
        let found = COMPARISONS
            .iter()
            .find(|(sign, _)| text[at..].starts_with(sign));
        let Some((sign, comparison)) = found else {
            let what = "this is no comparison";
            return Err(error(at, what, "use one of < <= > >= == !="));
        };
        let aggregate = parse_aggregate(&text[..at], &error)?;
        let limit_at = at + sign.len();
        let rest = &text[limit_at..];
        let limit_at = limit_at + (rest.len() - rest.trim_start().len());
        let limit = parse_limit(rest.trim(), limit_at, &error)?;
        Ok(Self {
            aggregate,
            comparison: *comparison,
            limit,
            text: text.to_owned(),
        })
    }

    pub(super) fn check_shape(&self, metric: &MetricKind) -> Result<(), ThresholdError> {
        let single = matches!(self.aggregate, Aggregate::Value | Aggregate::Rate);
        let (fits, kind, mend) = match metric.shape {
            Shape::Trend => (!single, "many values", format!("use {TREND}")),
            Shape::Value => (
                self.aggregate == Aggregate::Value,
                "one value",
                format!("write value{}", self.tail()),
            ),
            Shape::Rate => (single, "a share", format!("write rate{}", self.tail())),
        };
        if !fits {
            return Err(ThresholdError {
                text: self.text.clone(),
                column: 1,
                what: format!("{} is {kind}", metric.name),
                mend,
                unknown: None,
            });
        }
        Ok(())
    }

    /// The comparison and the limit as they were written.
    fn tail(&self) -> &str {
        let at = self.text.find(['<', '>', '=', '!']).unwrap_or(0);
        self.text[at..].trim_end()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// By name; percentiles apart.
const AGGREGATES: &[&str] = &["avg", "min", "max", "med", "count", "rate", "value"];

type MakeError<'a> = &'a dyn Fn(usize, &str, &str) -> ThresholdError;

fn parse_aggregate(text: &str, error: MakeError<'_>) -> Result<Aggregate, ThresholdError> {
    let column = text.len() - text.trim_start().len();
    let name = text.trim();
    if let Some(inner) = name.strip_prefix("p(") {
        let Some(number) = inner.strip_suffix(')') else {
            let end = column + name.len();
            return Err(error(
                end,
                "the bracket is not closed",
                "write it like p(99)",
            ));
        };
        return match number.trim().parse::<f64>() {
            Ok(per_cent) if (0.0..=100.0).contains(&per_cent) => {
                Ok(Aggregate::Percentile(per_cent))
            }
            _ => Err(error(
                column + 2,
                "this is no percentage from 0 to 100",
                "write it like p(99) or p(99.9)",
            )),
        };
    }
    Ok(match name {
        "avg" => Aggregate::Mean,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "med" => Aggregate::Median,
        "count" => Aggregate::Count,
        "rate" => Aggregate::Rate,
        "value" => Aggregate::Value,
        "" => {
            let what = "nothing stands before the comparison";
            return Err(error(
                column,
                what,
                "write it like p(99)<3000 or value<3000",
            ));
        }
        _ => {
            let what = format!("`{name}` is nothing that can be compared");
            let mend = match name.strip_prefix('p').map(str::parse::<f64>) {
                Some(Ok(per_cent)) => format!("write p({per_cent})"),
                _ => format!("use {TREND}, or value and rate for single values"),
            };
            return Err(error(column, &what, &mend).of(name, AGGREGATES));
        }
    })
}

fn parse_limit(text: &str, at: usize, error: MakeError<'_>) -> Result<f64, ThresholdError> {
    if text.is_empty() {
        let what = "the limit is missing";
        return Err(error(at, what, "write a number after the comparison"));
    }
    match text.parse::<f64>() {
        Ok(limit) if limit.is_finite() => Ok(limit),
        _ => {
            let what = format!("`{text}` is no number");
            Err(error(at, &what, &plain_number(text)))
        }
    }
}

/// What to write in place of a quantity with a unit, as far as there is a unit.
fn plain_number(text: &str) -> String {
    for (unit, divisor) in [("ms", 1.0), ("s", 1e-3), ("m", 1e-3 / 60.0), ("%", 100.0)] {
        if let Some(Ok(number)) = text
            .strip_suffix(unit)
            .map(|rest| rest.trim().parse::<f64>())
        {
            let plain = number / divisor;
            return match unit {
                "%" => format!("write {plain}, the share from 0 to 1"),
                _ => format!("write {plain}, in milliseconds"),
            };
        }
    }
    "write a plain number: milliseconds for *_ms, 0 to 1 for rates".to_owned()
}
