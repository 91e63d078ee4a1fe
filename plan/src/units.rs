//! Quantities as people write them (`5s`, `2000/s`, `1KiB`) and as Squall keeps them: integers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Nanoseconds in one second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// A rate, kept as an integer of millionths of an event per second so that a plan round-trips exactly.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Rate(pub u64);

impl Rate {
    /// Events per second times this is the kept integer.
    pub const SCALE: u64 = 1_000_000;

    #[must_use]
    pub const fn from_per_second(events: u64) -> Self {
        Self(events * Self::SCALE)
    }

    /// Events per second.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn per_second(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.per_second())
    }
}

/// Why a quantity was not understood: what is wrong, and how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitError {
    pub what: String,
    pub fix: String,
}

const DURATIONS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND_NS),
    ("m", 60 * SECOND_NS),
    ("h", 3_600 * SECOND_NS),
];

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const RATE_PERIODS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3_600)];

/// `250ms`, `5s`, `1.5m` to nanoseconds.
///
/// # Errors
/// When the number, the unit or the range is wrong.
pub fn parse_duration(text: &str) -> Result<u64, UnitError> {
    scaled(text, DURATIONS, "a duration", "5s, 250ms or 2m")
}

/// `100B`, `1KiB`, `2MB` to bytes.
///
/// # Errors
/// When the number, the unit or the range is wrong.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    scaled(text, SIZES, "a size", "100B, 1KiB or 2MB")
}

/// `1GiB/s`, `10MB/s` to bytes per second.
///
/// # Errors
/// When the number, the unit or the range is wrong.
pub fn parse_bandwidth(text: &str) -> Result<u64, UnitError> {
    match text.trim().strip_suffix("/s") {
        Some(size) => scaled(size, SIZES, "a bandwidth", "1GiB/s or 10MB/s"),
        None => Err(UnitError {
            what: format!("`{text}` is not a bandwidth"),
            fix: "write a size per second, such as 1GiB/s or 10MB/s".into(),
        }),
    }
}

/// `2000/s`, `30/m`, `2k/s` to a [`Rate`].
///
/// # Errors
/// When the number, the unit or the range is wrong.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    const EXAMPLES: &str = "2000/s, 20k/s or 30/m";
    let text = text.trim();
    let Some((amount, period)) = text.split_once('/') else {
        return Err(not_a(text, "a rate", EXAMPLES));
    };
    let Some(&(_, seconds)) = RATE_PERIODS.iter().find(|(name, _)| *name == period.trim()) else {
        return Err(UnitError {
            what: format!(
                "`{text}` is a rate per `{}`, which is no known period",
                period.trim()
            ),
            fix: "rates are per second, minute or hour: /s, /m, /h".into(),
        });
    };
    let (digits, unit) = split_number(amount.trim());
    let factor = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        _ => return Err(not_a(text, "a rate", EXAMPLES)),
    };
    let micro =
        decimal(digits, factor * Rate::SCALE).ok_or_else(|| not_a(text, "a rate", EXAMPLES))?;
    Ok(Rate(micro / seconds))
}

/// `0.99` or `99%` to a share between 0 and 1.
///
/// # Errors
/// When it is not a number or out of range.
pub fn parse_share(text: &str) -> Result<f64, UnitError> {
    let text = text.trim();
    let (number, divisor) = text
        .strip_suffix('%')
        .map_or((text, 1.0), |percent| (percent.trim(), 100.0));
    let share = number.parse::<f64>().ok().map(|number| number / divisor);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| not_a(text, "a share", "99% or 0.99"))
}

fn scaled(text: &str, units: &[(&str, u64)], noun: &str, examples: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    let (digits, unit) = split_number(text);
    if digits.is_empty() {
        return Err(not_a(text, noun, examples));
    }
    if unit.is_empty() {
        return Err(UnitError {
            what: format!("`{text}` has no unit"),
            fix: format!("{noun} is written with its unit, such as {examples}"),
        });
    }
    let Some(&(_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let known: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(UnitError {
            what: format!("`{unit}` is no unit of {}", noun.trim_start_matches("a ")),
            fix: format!("known units: {}", known.join(", ")),
        });
    };
    decimal(digits, factor).ok_or_else(|| UnitError {
        what: format!("`{text}` is not a number that fits"),
        fix: format!("write {noun} such as {examples}"),
    })
}

fn not_a(text: &str, noun: &str, examples: &str) -> UnitError {
    UnitError {
        what: format!("`{text}` is not {noun}"),
        fix: format!("write {noun} such as {examples}"),
    }
}

/// Splits `12.5ms` into `12.5` and `ms`.
fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim())
}

/// Exact decimal times an integer factor, rounded down; `None` when malformed or too large.
fn decimal(digits: &str, factor: u64) -> Option<u64> {
    let clean: String = digits.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = clean.split_once('.').unwrap_or((&clean, ""));
    if whole.is_empty() || fraction.len() > 15 || (clean.contains('.') && fraction.is_empty()) {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let power = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let total = whole
        .checked_mul(u128::from(factor))?
        .checked_add(part * u128::from(factor) / power)?;
    u64::try_from(total).ok()
}

/// A duration for people: `250ms`, `5s`, `1.5s`.
#[must_use]
pub fn show_duration(ns: u64) -> String {
    let (factor, unit) = match ns {
        0 => return "0s".into(),
        n if n >= SECOND_NS => (SECOND_NS, "s"),
        n if n >= 1_000_000 => (1_000_000, "ms"),
        n if n >= 1_000 => (1_000, "us"),
        _ => (1, "ns"),
    };
    let (whole, rest) = (ns / factor, ns % factor);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let width = factor.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        let cases = [
            ("5s", Some(5 * SECOND_NS)),
            ("250ms", Some(250_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2m", Some(120 * SECOND_NS)),
            ("1h", Some(3_600 * SECOND_NS)),
            ("200 us", Some(200_000)),
            ("7ns", Some(7)),
            ("1_000ms", Some(SECOND_NS)),
            ("0s", Some(0)),
            ("5", None),
            ("", None),
            ("s", None),
            (".5s", None),
            ("5.s", None),
            ("1.2.3s", None),
            ("-5s", None),
            ("5 sec", None),
            ("999999999999h", None),
            ("0.0000000000000000001s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn rates_sizes_and_shares() {
        let rate = |text: &str| parse_rate(text).ok().map(|rate| rate.0);
        assert_eq!(rate("2000/s"), Some(2_000_000_000));
        assert_eq!(rate("20k/s"), Some(20_000_000_000));
        assert_eq!(rate("1.5M/s"), Some(1_500_000_000_000));
        assert_eq!(rate("30/m"), Some(500_000));
        assert_eq!(rate("0/s"), Some(0));
        for bad in [
            "2000",
            "2000/d",
            "k/s",
            "/s",
            "1e3/s",
            "99999999999999999M/s",
        ] {
            assert_eq!(rate(bad), None, "{bad}");
        }
        assert_eq!(parse_size("1KiB").ok(), Some(1_024));
        assert_eq!(parse_size("1kB").ok(), None);
        assert_eq!(parse_bandwidth("1GiB/s").ok(), Some(1 << 30));
        assert_eq!(parse_bandwidth("1GiB").ok(), None);
        assert_eq!(parse_share("99%").ok(), Some(0.99));
        assert_eq!(parse_share("0.5").ok(), Some(0.5));
        for bad in ["120%", "-1%", "NaN", "inf", "", "%"] {
            assert_eq!(parse_share(bad).ok(), None, "{bad}");
        }
    }

    #[test]
    fn durations_show_as_they_are_written() {
        for text in [
            "0s",
            "5s",
            "1.5s",
            "250ms",
            "200us",
            "7ns",
            "90s",
            "1.000000001s",
        ] {
            assert_eq!(
                parse_duration(text).map(show_duration).ok().as_deref(),
                Some(text)
            );
        }
    }
}
