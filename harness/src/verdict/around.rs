//! What the notes of a history tell of the time around each fault: signs of it, partitions without a leader, lag.
//!
//! Notes of different sources come a little out of order; each is taken at its own time.

mod lag;
mod leaders;

pub use lag::Lag;
pub use leaders::Leaderless;

use lag::Lags;
use leaders::Leaders;
use squall_check::{CONSEQUENCE_WITHIN_NS, FaultSpan, JudgeSpec, MetricKey, Metrics, Sign};
use squall_check::{Measure, calm};
use squall_history::{Fact, FaultState, InSync, Note, Phase, What};
use std::collections::BTreeMap;

/// Takes the notes of a history, and keeps for each fault what happened around it.
pub struct Around {
    faults: Vec<FaultSpan>,
    signs: Vec<Option<Sign>>,
    leaders: Leaders,
    lags: Lags,
    /// The drain is over: services and brokers are taken down, and that is no sign of anything.
    at_rest: bool,
}

/// What the notes told of one fault.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Told {
    pub leaderless: Option<Leaderless>,
    /// By group.
    pub lags: BTreeMap<String, Lag>,
}

impl Around {
    pub fn new(spec: &JudgeSpec) -> Self {
        Self {
            signs: vec![None; spec.faults.len()],
            leaders: Leaders::new(spec.faults.len()),
            lags: Lags::new(&spec.faults, calm(spec)),
            at_rest: false,
            faults: spec.faults.clone(),
        }
    }

    pub fn notes(&mut self, notes: &[Note]) {
        notes.iter().for_each(|note| self.note(note));
    }

    fn note(&mut self, note: &Note) {
        match &note.what {
            What::Fact(fact) => {
                if !self.at_rest
                    && let Some(what) = sign(fact)
                {
                    self.sign(note.at, what);
                }
                self.leaders.fact(note.at, fact, &self.faults);
            }
            What::Fault {
                state: FaultState::Injected,
                detail,
                ..
            } => self.leaders.injected(note.at, detail),
            What::Phase {
                name: Phase::Drain,
                began: false,
            } => self.at_rest = true,
            What::Sample {
                metric,
                labels,
                value,
            } if metric == "lag" => {
                if let Some(group) = labels.get("group") {
                    self.lags.sample(note.at, group, *value);
                }
            }
            _ => {}
        }
    }

    fn sign(&mut self, at: u64, what: &str) {
        for (fault, first) in self.faults.iter().zip(&mut self.signs) {
            let latest = latest_ns(fault, &self.faults);
            let is_first = first.as_ref().is_none_or(|first| at < first.at_ns);
            if fault.from_ns <= at && at <= latest && is_first {
                *first = Some(Sign {
                    at_ns: at,
                    what: what.to_owned(),
                });
            }
        }
    }

    /// By fault: the first sign of it.
    pub fn signs(&self) -> BTreeMap<String, Sign> {
        let named = self.faults.iter().map(|fault| fault.name.clone());
        let signs = named.zip(&self.signs);
        signs
            .filter_map(|(name, sign)| Some((name, sign.clone()?)))
            .collect()
    }

    /// By fault. `end_ns`: when the history ends.
    pub fn told(&self, end_ns: u64) -> BTreeMap<String, Told> {
        let of = |(index, fault): (usize, &FaultSpan)| {
            let told = Told {
                leaderless: self.leaders.of(index, end_ns),
                lags: self.lags.of(index, end_ns),
            };
            (fault.name.clone(), told)
        };
        self.faults.iter().enumerate().map(of).collect()
    }

    /// Under the keys that thresholds use.
    pub fn metrics(&self, end_ns: u64) -> Metrics {
        let mut metrics = Metrics::default();
        for (group, peak) in self.lags.peaks() {
            metrics.set_value(MetricKey::new("lag_peak").with("group", group), peak);
        }
        for (fault, told) in self.told(end_ns) {
            let key = |name: &str| MetricKey::new(name).with("fault", &fault);
            if let Some(leaderless) = &told.leaderless {
                metrics.set(key("leaderless_ms"), leaderless.longest.measured());
            }
            let mut slowest: Option<Measure> = None;
            for (group, lag) in &told.lags {
                let key = |name: &str| key(name).with("group", group);
                metrics.set_value(key("lag_peak"), lag.peak);
                metrics.set(key("lag_drain_ms"), lag.drained.measured());
                let longer =
                    |than: Measure| (lag.drained.over, lag.drained.ms) > (than.over, than.ms);
                if slowest.is_none_or(longer) {
                    slowest = Some(lag.drained);
                }
            }
            if let Some(slowest) = slowest {
                metrics.set(key("lag_drain_ms"), slowest.measured());
            }
        }
        metrics
    }
}

/// What a fact shows to whoever watches the cluster.
/// Until when what shows may be a fault's: for a while after its heal, but not beyond the next injection then.
fn latest_ns(fault: &FaultSpan, faults: &[FaultSpan]) -> u64 {
    let begins = faults.iter().map(|other| other.from_ns);
    let next = begins.filter(|from| *from >= fault.until_ns.max(fault.from_ns + 1));
    let latest = fault.until_ns.saturating_add(CONSEQUENCE_WITHIN_NS);
    next.fold(latest, u64::min)
}

fn sign(fact: &Fact) -> Option<&'static str> {
    match fact.kind.as_str() {
        "elected" => Some("election"),
        "rebalanced" => Some("rebalance"),
        "isr" if fact.in_sync.as_ref().is_some_and(InSync::shrank) => Some("ISR shrink"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
