//! Stages as functions of time: how many events until when, and the inverse.
//!
//! Only operations that IEEE 754 rounds exactly, and `libm`, so that every platform gets the same times.

use super::PlannedStage;
use crate::scenario::{Load, Stage};
use crate::units::{Rate, SECOND_NS};

/// Integer rate unit times nanoseconds that make one event.
const EVENT: u128 = Rate::SCALE as u128 * SECOND_NS as u128;

impl Stage {
    /// Length on the load clock.
    #[must_use]
    pub const fn for_ns(&self) -> u64 {
        match *self {
            Self::Constant { for_ns, .. }
            | Self::Ramp { for_ns, .. }
            | Self::Pause { for_ns }
            | Self::Sine { for_ns, .. } => for_ns,
            Self::Burst { .. } => 0,
        }
    }

    /// Events of the stage: the integral of its rate, rounded to the nearest.
    #[must_use]
    pub fn events(&self) -> u64 {
        match *self {
            Self::Constant { rate, for_ns } => rounded(u128::from(rate.0) * u128::from(for_ns)),
            Self::Ramp { from, to, for_ns } => {
                rounded((u128::from(from.0) + u128::from(to.0)) * u128::from(for_ns) / 2)
            }
            Self::Burst { count } => count,
            Self::Pause { .. } => 0,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Self::Sine { .. } => libm::round(self.integral(self.for_ns())) as u64,
        }
    }

    /// The rate at its beginning, if it has one.
    #[must_use]
    pub const fn first_rate(&self) -> Option<Rate> {
        match *self {
            Self::Constant { rate, .. } => Some(rate),
            Self::Ramp { from, .. } => Some(from),
            Self::Sine { mean, .. } => Some(mean),
            Self::Burst { .. } | Self::Pause { .. } => None,
        }
    }

    /// The highest rate that it reaches; a burst has none.
    #[must_use]
    pub fn peak_rate(&self) -> Option<Rate> {
        match *self {
            Self::Ramp { from, to, .. } => Some(from.max(to)),
            Self::Sine {
                mean, amplitude, ..
            } => Some(Rate(mean.0.saturating_add(amplitude.0))),
            _ => self.first_rate(),
        }
    }

    /// Events until `ns` into the stage, as a real number.
    pub(super) fn integral(&self, ns: u64) -> f64 {
        let t = seconds(ns);
        match *self {
            Self::Constant { rate, .. } => rate.per_second() * t,
            Self::Ramp { from, to, for_ns } => {
                let slope = (to.per_second() - from.per_second()) / seconds(for_ns.max(1));
                from.per_second() * t + slope * t * t / 2.0
            }
            Self::Sine {
                mean,
                amplitude,
                period_ns,
                ..
            } => {
                let turn = std::f64::consts::TAU / seconds(period_ns.max(1));
                mean.per_second() * t + amplitude.per_second() / turn * (1.0 - libm::cos(turn * t))
            }
            Self::Burst { .. } | Self::Pause { .. } => 0.0,
        }
    }

    /// Nanoseconds into the stage at which `events` have come, at least `after_ns`.
    pub(super) fn inverse(&self, events: f64, after_ns: u64) -> u64 {
        let at = match *self {
            Self::Constant { rate, .. } => nanoseconds(events / rate.per_second()),
            Self::Ramp { from, to, for_ns } => ramp_inverse(from, to, for_ns, events),
            Self::Sine { .. } => self.search(events, after_ns),
            Self::Burst { .. } | Self::Pause { .. } => 0,
        };
        at.clamp(after_ns, self.for_ns().max(after_ns))
    }

    /// The first nanosecond at which the integral reaches `events`: strides that double, then halving.
    fn search(&self, events: f64, after_ns: u64) -> u64 {
        let end = self.for_ns();
        let (mut low, mut stride) = (after_ns.min(end), 1_024_u64);
        let mut high = low;
        while high < end && self.integral(high) < events {
            low = high;
            high = high.saturating_add(stride).min(end);
            stride = stride.saturating_mul(2);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.integral(middle) < events {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }
}

/// When event `index` of a constant rate comes, exactly.
pub(super) fn constant_at(rate: Rate, index: u64) -> u64 {
    u64::try_from(u128::from(index) * EVENT / u128::from(rate.0.max(1))).unwrap_or(u64::MAX)
}

/// Solves `from t + slope t^2 / 2 = events` in the form that loses no digits when the slope is small.
fn ramp_inverse(from: Rate, to: Rate, for_ns: u64, events: f64) -> u64 {
    if events <= 0.0 {
        return 0;
    }
    let from = from.per_second();
    let slope = (to.per_second() - from) / seconds(for_ns.max(1));
    let discriminant = (from * from + 2.0 * slope * events).max(0.0);
    nanoseconds(2.0 * events / (from + discriminant.sqrt()))
}

impl Load {
    /// Its stages on the load clock, the warm-up first.
    pub(crate) fn timeline(&self, warm_up_ns: u64) -> Vec<PlannedStage> {
        timeline(self, warm_up_ns)
    }
}

/// The stages of a load one after the other, the warm-up first.
pub(super) fn timeline(load: &Load, warm_up_ns: u64) -> Vec<PlannedStage> {
    let first = load
        .stages
        .iter()
        .find_map(Stage::first_rate)
        .unwrap_or_default();
    let warm_up = Stage::Constant {
        rate: first,
        for_ns: warm_up_ns,
    };
    let all = (warm_up_ns > 0).then_some((warm_up, true)).into_iter();
    let mut at_ns = 0_u64;
    all.chain(load.stages.iter().map(|stage| (*stage, false)))
        .map(|(stage, warm_up)| {
            let planned = PlannedStage {
                at_ns,
                for_ns: stage.for_ns(),
                stage,
                events: stage.events(),
                warm_up,
            };
            at_ns = at_ns.saturating_add(stage.for_ns());
            planned
        })
        .collect()
}

fn rounded(units: u128) -> u64 {
    u64::try_from((units + EVENT / 2) / EVENT).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / SECOND_NS as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn nanoseconds(seconds: f64) -> u64 {
    // A float to integer cast saturates, and NaN becomes 0.
    libm::floor(seconds * SECOND_NS as f64) as u64
}
