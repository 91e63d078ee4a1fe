//! `abort_if`: live measures of the load, held against their limits; one that has been crossed for its time stops the run.

use super::phases::Running;
use squall_check::{MetricKey, Threshold};
use squall_plan::scenario::AbortLimit;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering::Relaxed;

const SECOND_NS: u64 = 1_000_000_000;
/// Rates are over so long.
const WINDOW_NS: u64 = SECOND_NS;
/// A look this soon after the one before tells nothing new.
const LOOK_EVERY_NS: u64 = SECOND_NS / 10;

/// Totals at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub at_ns: u64,
    pub accepted: u64,
    /// Rejected or indeterminate.
    pub errors: u64,
    /// By sink.
    pub effects: BTreeMap<String, u64>,
    /// By sink.
    pub dead_letters: BTreeMap<String, u64>,
    /// By consumer group, where it is known.
    pub lags: BTreeMap<String, u64>,
}

impl Totals {
    pub fn of(running: &Running<'_>) -> Self {
        let counters = running.context.recorder.counters();
        let sinks = &running.context.plan.system.spec.sinks;
        let by_sink = |counts: &[std::sync::atomic::AtomicU64]| {
            let counts = counts.iter().map(|count| count.load(Relaxed));
            let names = sinks.iter().map(|sink| sink.name.clone());
            names.zip(counts).collect()
        };
        let lags = running.lag.latest().groups.into_iter();
        Self {
            at_ns: running.now_ns(),
            accepted: counters.accepted.load(Relaxed),
            errors: counters.rejected.load(Relaxed) + counters.indeterminate.load(Relaxed),
            effects: by_sink(&counters.effects),
            dead_letters: by_sink(&counters.dead_letters),
            lags: lags
                .filter_map(|(group, lag)| Some((group, lag.ok()?)))
                .collect(),
        }
    }
}

/// Watches the limits of a plan.
pub struct Watchdog {
    limits: Vec<Limit>,
    /// At most a window old, the oldest first.
    seen: VecDeque<Totals>,
    last_look_ns: u64,
}

struct Limit {
    threshold: Threshold,
    for_ns: u64,
    crossed_since_ns: Option<u64>,
}

impl Watchdog {
    /// # Errors
    /// With the limit that cannot be read.
    pub fn new(limits: &[AbortLimit]) -> Result<Self, String> {
        let limit = |limit: &AbortLimit| {
            let threshold = Threshold::parse_live(&limit.metric, &limit.expression);
            Ok(Limit {
                threshold: threshold.map_err(|error| format!("{}: {error}", limit.metric))?,
                for_ns: limit.for_ns,
                crossed_since_ns: None,
            })
        };
        Ok(Self {
            limits: limits.iter().map(limit).collect::<Result<_, String>>()?,
            seen: VecDeque::new(),
            last_look_ns: 0,
        })
    }

    /// Whether it is time for a look.
    #[must_use]
    pub fn is_due(&self, now_ns: u64) -> bool {
        !self.limits.is_empty() && now_ns >= self.last_look_ns + LOOK_EVERY_NS
    }

    /// Takes the totals; a sentence when a limit has been crossed for its time.
    pub fn look(&mut self, now: Totals) -> Option<String> {
        self.last_look_ns = now.at_ns;
        while self
            .seen
            .get(1)
            .is_some_and(|next| next.at_ns + WINDOW_NS <= now.at_ns)
        {
            self.seen.pop_front();
        }
        let before = self.seen.front().cloned();
        let mut harm = None;
        for limit in &mut self.limits {
            let value = measure(&limit.threshold.key, before.as_ref(), &now);
            let crossed = value.filter(|value| limit.threshold.is_met_by(*value));
            let Some(value) = crossed else {
                limit.crossed_since_ns = None;
                continue;
            };
            let since = *limit.crossed_since_ns.get_or_insert(now.at_ns);
            let held_ns = now.at_ns - since;
            if held_ns >= limit.for_ns {
                harm.get_or_insert_with(|| limit.sentence(value, held_ns));
            }
        }
        self.seen.push_back(now);
        harm
    }
}

impl Limit {
    fn sentence(&self, value: f64, held_ns: u64) -> String {
        format!(
            "The run was stopped because of harm: {} was {} against abort_if {} for {:.1} s.",
            self.threshold.key,
            (value * 1e3).round() / 1e3,
            self.threshold.expression,
            held_ns as f64 / 1e9
        )
    }
}

/// `None`: not known, or nothing to measure yet.
fn measure(key: &MetricKey, before: Option<&Totals>, now: &Totals) -> Option<f64> {
    let window = || before.filter(|before| now.at_ns >= before.at_ns + WINDOW_NS);
    let rate = |before: u64, after: u64, since_ns: u64| {
        after.saturating_sub(before) as f64 * 1e9 / (now.at_ns - since_ns).max(1) as f64
    };
    let of_sink = |counts: &BTreeMap<String, u64>| {
        let sink = key.tag("sink")?;
        counts.get(sink).copied()
    };
    match key.name() {
        "error_share" => {
            let before = window()?;
            let errors = now.errors.saturating_sub(before.errors);
            let outcomes = errors + now.accepted.saturating_sub(before.accepted);
            (outcomes > 0).then(|| errors as f64 / outcomes as f64)
        }
        "accept_rate" => {
            let before = window()?;
            Some(rate(before.accepted, now.accepted, before.at_ns))
        }
        "effect_rate" => {
            let before = window()?;
            let (then, now) = (of_sink(&before.effects)?, of_sink(&now.effects)?);
            Some(rate(then, now, before.at_ns))
        }
        "backlog" => {
            let done = of_sink(&now.effects)? + of_sink(&now.dead_letters).unwrap_or(0);
            Some(now.accepted.saturating_sub(done) as f64)
        }
        "lag" => now.lags.get(key.tag("group")?).map(|lag| *lag as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: u64 = SECOND_NS / 10;

    fn watchdog(metric: &str, expression: &str, for_tenths: u64) -> Watchdog {
        Watchdog::new(&[AbortLimit {
            metric: metric.to_owned(),
            expression: expression.to_owned(),
            for_ns: for_tenths * TENTH,
        }])
        .unwrap()
    }

    /// Feeds a look every tenth of a second; the tenth at which the run was stopped.
    fn stopped_at(mut dog: Watchdog, totals: impl Fn(u64) -> Totals) -> Option<u64> {
        (0..200).find(|tenth| {
            let now = Totals {
                at_ns: tenth * TENTH,
                ..totals(*tenth)
            };
            dog.look(now).is_some()
        })
    }

    #[test]
    fn errors_count_over_the_last_second_and_must_last() {
        let from_50 = |tenth: u64| Totals {
            accepted: 10 * tenth.min(50),
            errors: 10 * tenth.saturating_sub(50),
            ..Totals::default()
        };
        let dog = || watchdog("error_share", "value>0.5", 20);
        // After 0.6 s of errors the share of the last second is above a half, and 2 s later it has been so for 2 s.
        assert_eq!(stopped_at(dog(), from_50), Some(76));
        let blip = |tenth: u64| Totals {
            accepted: 10 * (tenth.min(50) + tenth.saturating_sub(65)),
            errors: 10 * (tenth.clamp(50, 65) - 50),
            ..Totals::default()
        };
        assert_eq!(stopped_at(dog(), blip), None);
    }

    #[test]
    fn nothing_is_measured_before_there_is_a_second_to_measure() {
        let still = |_| Totals::default();
        assert_eq!(
            stopped_at(watchdog("accept_rate", "value<1", 0), still),
            Some(10)
        );
        assert_eq!(
            stopped_at(watchdog("error_share", "value>=0", 0), still),
            None,
            "no outcome, no share"
        );
    }

    #[test]
    fn backlog_and_lag_are_those_of_the_named() {
        let behind = |tenth: u64| Totals {
            accepted: 10 * tenth,
            effects: BTreeMap::from([
                ("users".to_owned(), 4 * tenth),
                ("mail".to_owned(), 10 * tenth),
            ]),
            dead_letters: BTreeMap::from([("users".to_owned(), tenth)]),
            lags: BTreeMap::from([("g".to_owned(), 7 * tenth)]),
            ..Totals::default()
        };
        let at = |metric| stopped_at(watchdog(metric, "value>100", 0), behind);
        assert_eq!(at("backlog{sink:users}"), Some(21));
        assert_eq!(at("backlog{sink:mail}"), None);
        assert_eq!(at("lag{group:g}"), Some(15));
        assert_eq!(at("lag{group:unknown}"), None);
    }
}
