//! Axes: from values to places between 0 and 1, and where their ticks are.

use crate::words;

/// What an axis counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    EventsPerSecond,
    Events,
    Records,
    Milliseconds,
}

impl Unit {
    pub const fn label(self) -> &'static str {
        match self {
            Self::EventsPerSecond => "events / s",
            Self::Events => "events",
            Self::Records => "records",
            Self::Milliseconds => "time",
        }
    }

    /// A value with its unit.
    pub fn value(self, value: f64) -> String {
        match self {
            Self::EventsPerSecond => format!("{} events/s", words::digits(value)),
            Self::Events => format!("{} events", words::digits(value)),
            Self::Records => format!("{} records", words::digits(value)),
            Self::Milliseconds => words::time(value),
        }
    }

    /// At a tick, where the axis has the unit already.
    fn tick(self, value: f64) -> String {
        match self {
            Self::Milliseconds => words::time(value),
            _ if value >= 1e6 => format!("{} M", words::digits(value / 1e6)),
            _ if value >= 1e4 => format!("{} k", words::digits(value / 1e3)),
            _ => words::digits(value),
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// 0 to 1.
    pub at: f64,
    pub label: String,
    /// Left out where there is little room.
    pub minor: bool,
}

/// A time axis longer than this counts minutes.
const MINUTES_FROM_S: f64 = 600.0;

/// The horizontal axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum X {
    /// Seconds from 0.
    Time { ends_s: f64 },
    /// Per cent from 0, each further nine as wide as the one before.
    Percentile { nines: f64 },
}

impl X {
    pub fn place(self, x: f64) -> f64 {
        match self {
            Self::Time { ends_s } => (x / ends_s).clamp(0.0, 1.0),
            Self::Percentile { nines } => {
                let rest = (1.0 - x / 100.0).max(f64::MIN_POSITIVE);
                (-rest.log10() / nines).clamp(0.0, 1.0)
            }
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Time { ends_s } if ends_s > MINUTES_FROM_S => "minutes since the load began",
            Self::Time { .. } => "seconds since the load began",
            Self::Percentile { .. } => "percentile of events",
        }
    }

    pub fn told(self, x: f64) -> String {
        match self {
            Self::Time { .. } => format!("at {x:.1} s"),
            Self::Percentile { .. } => format!("at {} %", percent(x)),
        }
    }

    pub fn ticks(self) -> Vec<Tick> {
        match self {
            Self::Time { ends_s } => {
                let unit_s = if ends_s > MINUTES_FROM_S { 60.0 } else { 1.0 };
                let step = nice_step(ends_s / unit_s / 10.0) * unit_s;
                let tick = |index: usize| {
                    let x = index as f64 * step;
                    Tick {
                        at: self.place(x),
                        label: words::digits(x / unit_s),
                        minor: !index.is_multiple_of(2),
                    }
                };
                (0..=(ends_s / step + 1e-9) as usize).map(tick).collect()
            }
            Self::Percentile { nines } => [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999]
                .into_iter()
                .filter(|&x| -(1.0 - x / 100.0_f64).log10() <= nines + 1e-6)
                .map(|x| Tick {
                    at: self.place(x),
                    label: format!("{} %", percent(x)),
                    minor: false,
                })
                .collect(),
        }
    }
}

fn percent(x: f64) -> String {
    let text = format!("{x:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The vertical axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Y {
    /// From 0.
    Linear { max: f64 },
    /// Whole powers of ten.
    Log { min: f64, max: f64 },
}

impl Y {
    /// From 0 to a round number that no value exceeds.
    pub fn linear(values: impl Iterator<Item = f64>) -> Self {
        let max = values.fold(0.0, f64::max);
        let step = nice_step((max / 5.0).max(0.2));
        Self::Linear {
            max: (max / step - 1e-9).ceil().max(1.0) * step,
        }
    }

    /// The powers of ten around all values, at least two apart.
    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            let value = value.max(1e-3);
            (low, high) = (low.min(value), high.max(value));
        }
        if high == 0.0 {
            (low, high) = (1.0, 10.0);
        }
        let min = low.log10().floor();
        let max = high.log10().ceil().max(min + 2.0);
        Self::Log {
            min: 10_f64.powf(min),
            max: 10_f64.powf(max),
        }
    }

    /// 0 at the foot, 1 at the head.
    pub fn place(self, y: f64) -> f64 {
        let place = match self {
            Self::Linear { max } => y / max,
            Self::Log { min, max } => (y.max(min) / min).log10() / (max / min).log10(),
        };
        place.clamp(0.0, 1.0)
    }

    pub fn ticks(self, unit: Unit) -> Vec<Tick> {
        let tick = |value: f64| Tick {
            at: self.place(value),
            label: unit.tick(value),
            minor: false,
        };
        match self {
            Self::Linear { max } => {
                let step = nice_step(max / 5.0);
                let steps = (max / step + 0.5) as usize;
                (0..=steps).map(|index| tick(index as f64 * step)).collect()
            }
            Self::Log { min, max } => {
                let decades = (max / min).log10().round() as i32;
                let value = |decade: i32| min * 10_f64.powi(decade);
                (0..=decades).map(|decade| tick(value(decade))).collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn nice_step(least: f64) -> f64 {
    let least = least.max(1e-9);
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_reaches_beyond_every_value_in_round_steps() {
        for max in [0.0, 0.3, 1.0, 7.0, 199.0, 2_001.0, 1e7] {
            let y = Y::linear([max].into_iter());
            let ticks = y.ticks(Unit::Events);
            assert!((3..=8).contains(&ticks.len()), "{max}: {ticks:?}");
            assert!(y.place(max) <= 1.0 && ticks[0].at == 0.0);
            assert!(
                (ticks[ticks.len() - 1].at - 1.0).abs() < 1e-6,
                "{max}: {ticks:?}"
            );
        }
    }

    #[test]
    fn a_logarithmic_axis_has_whole_decades() {
        let y = Y::log([0.4, 7_000.0].into_iter());
        let labels: Vec<String> = y
            .ticks(Unit::Milliseconds)
            .into_iter()
            .map(|t| t.label)
            .collect();
        assert_eq!(labels, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn an_hour_is_told_in_minutes() {
        let hour = X::Time { ends_s: 3_660.0 };
        let ticks = hour.ticks();
        let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["0", "10", "20", "30", "40", "50", "60"]);
        assert!((ticks[6].at - 3_600.0 / 3_660.0).abs() < 1e-9);
        assert!(hour.label().starts_with("minutes"));
        let short = X::Time { ends_s: 20.0 };
        assert_eq!(short.ticks()[1].label, "2");
        assert!(short.label().starts_with("seconds"));
    }

    #[test]
    fn each_nine_is_as_wide_as_the_one_before() {
        let x = X::Percentile { nines: 3.0 };
        let places = [0.0, 90.0, 99.0, 99.9].map(|per_cent| (x.place(per_cent) * 1e6).round());
        assert_eq!(places, [0.0, 333_333.0, 666_667.0, 1_000_000.0]);
    }
}
