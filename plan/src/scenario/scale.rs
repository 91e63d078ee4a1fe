//! A load of fewer events in the same shape.

use super::{Scenario, Stage};
use crate::units::Rate;

impl Scenario {
    /// The scenario with about `events` events, warm-up and all loads together. Stages and faults keep their times, for what a
    /// fault does depends on the system's timeouts, which do not scale; rates and bursts shrink alike. A load that is small
    /// enough stays as it is.
    #[must_use]
    pub fn scaled(&self, events: u64) -> Self {
        let mut scaled = self.clone();
        scaled.scaled_to = Some(events);
        let total = self.events();
        if total > events {
            for stage in scaled.loads.iter_mut().flat_map(|load| &mut load.stages) {
                *stage = stage.scaled(events, total);
            }
        }
        scaled
    }

    /// Events of all loads, warm-up included.
    fn events(&self) -> u64 {
        let warm_up = self.timing.warm_up_ns;
        let timelines = self.loads.iter().flat_map(|load| load.timeline(warm_up));
        timelines.map(|stage| stage.events).sum()
    }
}

impl Stage {
    /// Rates and counts times `part / whole`. What was more than nothing stays more than nothing.
    fn scaled(self, part: u64, whole: u64) -> Self {
        let count = |count: u64| {
            let product = u128::from(count) * u128::from(part) / u128::from(whole);
            u64::try_from(product)
                .unwrap_or(u64::MAX)
                .max(u64::from(count > 0))
        };
        let rate = |rate: Rate| Rate(count(rate.0));
        match self {
            Self::Constant { rate: r, for_ns } => Self::Constant {
                rate: rate(r),
                for_ns,
            },
            Self::Ramp { from, to, for_ns } => Self::Ramp {
                from: rate(from),
                to: rate(to),
                for_ns,
            },
            Self::Burst { count: events } => Self::Burst {
                count: count(events),
            },
            Self::Pause { for_ns } => Self::Pause { for_ns },
            Self::Sine {
                mean,
                amplitude,
                period_ns,
                for_ns,
            } => Self::Sine {
                mean: rate(mean),
                amplitude: rate(amplitude),
                period_ns,
                for_ns,
            },
        }
    }
}
