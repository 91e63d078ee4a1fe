//! What was measured around a fault: `docs/measures.md` defines every number.

use crate::text::number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the system fared before, during and after a fault.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct FaultMeasures {
    /// Events offered before any fault. `None`: nothing was offered; so for the others.
    pub before: Option<Stretch>,
    /// Events offered from its injection to its heal.
    pub during: Option<Stretch>,
    /// Events offered from its heal to the next injection of any fault, or the end of the load.
    pub after: Option<Stretch>,
    /// From the injection to the first visible consequence. `None`: there was none.
    pub detect_ms: Option<f64>,
    /// `error`, `election`, `rebalance` or `ISR shrink`.
    pub detected_by: Option<String>,
    /// From the injection until events fared as before. `None`: not measured.
    pub recovery: Option<Measure>,
    /// From the heal until events fared as before. `None`: not measured.
    pub heal_recovery: Option<Measure>,
    /// `None`: the environment tells nothing of elections.
    pub leaderless: Option<Leaderless>,
    /// By consumer group; empty where lag was not watched.
    pub lag: BTreeMap<String, Lag>,
    /// Acceptances. `None`: there is no time before the faults to compare with.
    #[serde(default)]
    pub accepted: Option<Throughput>,
    /// First effects, by sink.
    #[serde(default)]
    pub effects: BTreeMap<String, Throughput>,
}

/// How much was done a second, by when it was done and not by when it was offered.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// Before any fault.
    pub before: f64,
    /// From the fault's injection to its heal.
    pub during: f64,
    /// The latter in the former. `None`: nothing was done before.
    pub gain: Option<f64>,
    /// Where the fault scaled the service that does it: the gain, in what as many replicas as there were would each have brought.
    pub efficiency: Option<f64>,
}

/// A time in milliseconds, or that it had not come to an end when the run did.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    pub ms: f64,
    /// It took more than `ms`.
    pub over: bool,
}

/// The events offered in a stretch of time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    pub offered: u64,
    /// Offers a second.
    pub rate: f64,
    /// First answers that were errors, where events were to be taken.
    pub rejected: u64,
    pub indeterminate: u64,
    /// From the intended offer until the event was taken. `None`: none was.
    pub accept: Option<Times>,
    /// From the intended offer to the first effect, by sink; sinks that showed none are left out.
    pub effect: BTreeMap<String, Times>,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Partitions that lost their leader.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Leaderless {
    pub partitions: u64,
    pub longest: Measure,
    /// The partition that was longest without.
    pub worst: Option<String>,
}

/// How far a consumer group was behind, in records.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Lag {
    /// The most before any fault.
    pub before: f64,
    pub peak: f64,
    /// From the heal until it was no more than twice that before.
    pub drained: Measure,
}

impl FaultMeasures {
    /// One line: `recovered 1.9 s after injection, effect p99 31 -> 1840 -> 35 ms`. Empty when nothing was measured.
    #[must_use]
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.recovery.map(|it| match it.felt() {
            true => it.recovered("injection"),
            false => "hardly felt".to_owned(),
        }));
        let p99 = |stretch: &Option<Stretch>| stretch.as_ref().and_then(Stretch::effect_p99_ms);
        let effects = [&self.before, &self.during, &self.after].map(p99);
        if effects.iter().any(Option::is_some) {
            let told = effects.map(|ms| ms.map_or_else(|| "-".to_owned(), number));
            parts.push(format!("effect p99 {} ms", told.join(" -> ")));
        }
        if let (Some(ms), Some(by)) = (self.detect_ms, &self.detected_by) {
            parts.push(format!("detected after {} ({by})", short(ms)));
        }
        let lost = self.leaderless.as_ref();
        if let Some(lost) = lost.filter(|lost| lost.partitions > 0) {
            parts.push(format!("no leader for {}", lost.longest));
        }
        let done = self.effects.iter().map(|(sink, of)| (sink.as_str(), *of));
        for (what, of) in done.chain(self.accepted.map(|of| ("accepted", of))) {
            if of.efficiency.is_some() {
                parts.push(format!("{what} {of}"));
            }
        }
        parts.join(", ")
    }
}

impl Measure {
    /// Whether it took any time at all.
    #[must_use]
    pub fn felt(self) -> bool {
        self.over || self.ms > 0.0
    }

    /// Of a recovery: `recovered 1.9 s after injection`.
    #[must_use]
    pub fn recovered(self, since: &str) -> String {
        match (self.over, self.felt()) {
            (true, _) => format!(
                "not recovered {} after {since}, when the load ended",
                short(self.ms)
            ),
            (false, true) => format!("recovered {} after {since}", short(self.ms)),
            (false, false) => format!("as before from {since} on"),
        }
    }
}

impl Stretch {
    /// Of the slowest sink.
    #[must_use]
    pub fn effect_p99_ms(&self) -> Option<f64> {
        let sinks = self.effect.values().map(|times| times.p99_ms);
        sinks.max_by(f64::total_cmp)
    }

    /// Share of the events whose first answer was an error, 0 to 1.
    #[must_use]
    pub fn error_share(&self) -> f64 {
        match self.offered {
            0 => 0.0,
            offered => (self.rejected + self.indeterminate) as f64 / offered as f64,
        }
    }
}

impl std::fmt::Display for Throughput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (before, during) = (number(self.before), number(self.during));
        write!(f, "{before} -> {during} a second")?;
        if let Some(efficiency) = self.efficiency {
            write!(f, ", efficiency {} %", number(efficiency * 100.0))?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let over = if self.over { "more than " } else { "" };
        write!(f, "{over}{}", short(self.ms))
    }
}

/// `1.9 s`, `310 ms`.
fn short(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else {
        format!("{} ms", number(ms))
    }
}
