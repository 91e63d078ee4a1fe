//! How a system fared before, during and after each fault, and how long until it was as before.

mod recovery;
mod signs;

pub use signs::Signs;

use crate::health::Health;
use crate::judge::Judge;
use crate::latency::Latencies;
use crate::metrics::{Measured, Metrics};
use crate::spec::{FaultSpan, JudgeSpec};
use crate::threshold::MetricKey;
use crate::timeline::ACCEPT;
use recovery::Band;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is seen later than this after the heal of a fault is no consequence of it.
pub const CONSEQUENCE_WITHIN_NS: u64 = 3_000_000_000;

/// Events offered so shortly before the first fault may still be on their way when it strikes.
const STILL_ON_THEIR_WAY_NS: u64 = 1_000_000_000;

/// What was measured around one fault.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FaultMeasures {
    pub name: String,
    /// Before any fault of the run. `None`: nothing was offered.
    pub before: Option<Stretch>,
    /// From its injection to its heal.
    pub during: Option<Stretch>,
    /// From its heal to the next injection of any fault, or the end of the load.
    pub after: Option<Stretch>,
    /// From the injection to the first visible consequence, and what that was.
    pub detect_ms: Option<f64>,
    pub detected_by: Option<String>,
    /// From the injection. `None`: nothing to compare, or no traffic.
    pub recovery: Option<Measure>,
    /// From the heal.
    pub heal_recovery: Option<Measure>,
    /// Acceptances. `None`, here and by sink: there is no time before the faults, or the fault took none.
    pub accepted: Option<Throughput>,
    /// First effects, by sink.
    pub effects: BTreeMap<String, Throughput>,
}

/// How much was done a second, by when it was done and not by when it was offered.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Throughput {
    /// Before any fault of the run.
    pub before: f64,
    /// From its injection to its heal.
    pub during: f64,
}

/// A time, or that it had not come to an end when the run did.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Measure {
    pub ms: f64,
    /// It took more than `ms`.
    pub over: bool,
}

/// The events offered in a stretch of time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    pub offered: u64,
    /// Offers a second.
    pub rate: f64,
    /// First answers that were errors.
    pub rejected: u64,
    pub indeterminate: u64,
    /// `None`: not one was accepted.
    pub accept: Option<StretchTimes>,
    /// By sink, where any took effect.
    pub effect: BTreeMap<String, StretchTimes>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct StretchTimes {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// The time before the faults that all later times are compared with: offers from the end of the warm-up until a second
/// before the first injection, or until half-way where there is less than two. `None`: there are no faults, or no such time.
#[must_use]
pub fn calm(spec: &JudgeSpec) -> Option<(u64, u64)> {
    let first = spec.faults.iter().map(|fault| fault.from_ns).min()?;
    let length = first.checked_sub(spec.measure_from_ns)?;
    let left_out = STILL_ON_THEIR_WAY_NS.min(length / 2);
    (length > 0).then_some((spec.measure_from_ns, first - left_out))
}

/// Measures around every fault of the spec.
pub(crate) fn measure(judge: &Judge, health: &Health) -> Vec<FaultMeasures> {
    let spec = &judge.spec;
    let latencies = &judge.latencies;
    // An event whose time is not known would count as one that never came.
    let is_whole = judge.defects.unmeasured == 0;
    let band = is_whole.then(|| Band::new(spec, latencies)).flatten();
    let of = |fault: &FaultSpan| {
        let (detect_ms, detected_by) = detected(fault, latencies, health).unzip();
        let next = spec.faults.iter().map(|other| other.from_ns);
        let next = next.filter(|&at| at >= fault.until_ns && at > fault.from_ns);
        let band = band.as_ref();
        FaultMeasures {
            name: fault.name.clone(),
            before: calm(spec).and_then(|(from, until)| stretch(latencies, from, until)),
            during: stretch(latencies, fault.from_ns, fault.until_ns),
            after: stretch(latencies, fault.until_ns, next.min().unwrap_or(u64::MAX)),
            detect_ms,
            detected_by,
            recovery: band.and_then(|band| Measure::of(band.since_injection(fault)?)),
            heal_recovery: band.and_then(|band| Measure::of(band.since_heal(fault)?)),
            accepted: throughput(judge, fault, ACCEPT),
            effects: (0..latencies.sinks())
                .filter_map(|sink| {
                    let name = latencies.sink_name(sink).to_owned();
                    Some((name, throughput(judge, fault, 1 + sink)?))
                })
                .collect(),
        }
    };
    spec.faults.iter().map(of).collect()
}

/// Under the keys that thresholds use.
pub(crate) fn metrics(faults: &[FaultMeasures]) -> Metrics {
    let mut metrics = Metrics::default();
    for fault in faults {
        let key = |name| MetricKey::new(name).with("fault", &fault.name);
        let mut set = |name, measure: Option<Measure>| {
            if let Some(measure) = measure {
                metrics.set(key(name), measure.measured());
            }
        };
        set("recovery_ms", fault.recovery);
        set("heal_recovery_ms", fault.heal_recovery);
        let detected = fault.detect_ms.map(|ms| Measure { ms, over: false });
        set("detect_ms", detected);
        let mut gain = |key, of: Option<Throughput>| {
            if let Some(gain) = of.and_then(Throughput::gain) {
                metrics.set_value(key, gain);
            }
        };
        gain(key("accept_gain"), fault.accepted);
        let all = |of: fn(&Throughput) -> f64| fault.effects.values().map(of).sum();
        let all = Throughput {
            before: all(|sink| sink.before),
            during: all(|sink| sink.during),
        };
        gain(key("effect_gain"), Some(all));
        for (sink, &of) in &fault.effects {
            gain(key("effect_gain").with("sink", sink), Some(of));
        }
    }
    metrics
}

/// Of a lane of the timeline.
fn throughput(judge: &Judge, fault: &FaultSpan, lane: usize) -> Option<Throughput> {
    let rate = |from_ns: u64, until_ns: u64| {
        let seconds = until_ns.checked_sub(from_ns).filter(|&ns| ns > 0)? as f64 / 1e9;
        Some(judge.latencies.came(lane, from_ns, until_ns) as f64 / seconds)
    };
    // What came of an event whose offer is not known was not counted.
    if judge.defects.unmeasured > 0 {
        return None;
    }
    let (from_ns, until_ns) = calm(&judge.spec)?;
    Some(Throughput {
        before: rate(from_ns, until_ns)?,
        during: rate(fault.from_ns, fault.until_ns)?,
    })
}

impl Throughput {
    /// What is done during the fault in what was done before. `None`: nothing was.
    #[must_use]
    pub fn gain(self) -> Option<f64> {
        (self.before > 0.0).then_some(self.during / self.before)
    }
}

fn detected(fault: &FaultSpan, latencies: &Latencies, health: &Health) -> Option<(f64, String)> {
    let error = latencies.errors.first_since(fault.from_ns);
    let error = error.map(|at| (at, "error"));
    let sign = health.signs.get(&fault.name);
    let sign = sign.map(|sign| (sign.at_ns, sign.what.as_str()));
    let latest = fault.until_ns.saturating_add(CONSEQUENCE_WITHIN_NS);
    let (at, what) = [error, sign]
        .into_iter()
        .flatten()
        .filter(|&(at, _)| fault.from_ns <= at && at <= latest)
        .min()?;
    Some(((at - fault.from_ns) as f64 / 1e6, what.to_owned()))
}

fn stretch(latencies: &Latencies, from_ns: u64, until_ns: u64) -> Option<Stretch> {
    let counts = latencies.counts(from_ns, until_ns);
    if counts.offered == 0 {
        return None;
    }
    let ended_ns = until_ns.min(latencies.last_offer_ns());
    let seconds = ended_ns.saturating_sub(from_ns) as f64 / 1e9;
    let times = |lane| StretchTimes::of(&latencies.times(lane, from_ns, until_ns));
    let effect = |sink: usize| Some((latencies.sink_name(sink).to_owned(), times(1 + sink)?));
    Some(Stretch {
        offered: counts.offered,
        rate: if seconds > 0.0 {
            counts.offered as f64 / seconds
        } else {
            0.0
        },
        rejected: counts.rejected,
        indeterminate: counts.indeterminate,
        accept: times(0),
        effect: (0..latencies.sinks()).filter_map(effect).collect(),
    })
}

impl StretchTimes {
    fn of(trend: &crate::metrics::Trend) -> Option<Self> {
        Some(Self {
            count: trend.count(),
            p50_ms: trend.percentile_ms(50.0)?,
            p99_ms: trend.percentile_ms(99.0)?,
            max_ms: trend.max_ms()?,
        })
    }
}

impl Measure {
    fn of(measured: Measured) -> Option<Self> {
        match measured {
            Measured::Value(ms) => Some(Self { ms, over: false }),
            Measured::Over(ms) => Some(Self { ms, over: true }),
            Measured::Trend(_) => None,
        }
    }

    /// As thresholds take it.
    #[must_use]
    pub const fn measured(self) -> Measured {
        if self.over {
            Measured::Over(self.ms)
        } else {
            Measured::Value(self.ms)
        }
    }
}
