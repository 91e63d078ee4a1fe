//! How far consumer groups fell behind because of a fault, and how long they took to catch up. The history has each change.

use squall_check::{FaultSpan, Measure};
use std::collections::BTreeMap;

/// A group is no further behind than usual up to so many times the most before the faults: it is never level for long.
const USUAL: f64 = 2.0;

/// Of one fault and one group, in records.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lag {
    /// The most before any fault.
    pub before: f64,
    /// The most from the injection to the next one, or to the end.
    pub peak: f64,
    /// From the heal until it was no more than twice that before. 0 if the group had caught up by then.
    pub drained: Measure,
}

pub struct Lags {
    faults: Vec<FaultSpan>,
    calm: Option<(u64, u64)>,
    groups: BTreeMap<String, Group>,
}

struct Group {
    latest: f64,
    peak: f64,
    before: f64,
    /// By fault.
    around: Vec<Watched>,
}

#[derive(Clone, Copy, Default)]
struct Watched {
    peak: f64,
    seen: bool,
    /// Since when it has been no more than usual, with no later sample that says otherwise.
    caught_up_ns: Option<u64>,
    done: bool,
}

impl Lags {
    pub fn new(faults: &[FaultSpan], calm: Option<(u64, u64)>) -> Self {
        Self {
            faults: faults.to_vec(),
            calm,
            groups: BTreeMap::new(),
        }
    }

    pub fn sample(&mut self, at: u64, group: &str, value: f64) {
        let faults = &self.faults;
        let group = self
            .groups
            .entry(group.to_owned())
            .or_insert_with(|| Group {
                latest: 0.0,
                peak: 0.0,
                before: 0.0,
                around: vec![Watched::default(); faults.len()],
            });
        group.peak = group.peak.max(value);
        if self
            .calm
            .is_some_and(|(from, until)| from <= at && at < until)
        {
            group.before = group.before.max(value);
        }
        for (fault, watched) in faults.iter().zip(&mut group.around) {
            if at >= fault.from_ns {
                let usual = USUAL * group.before;
                watched.sample(at, value, group.latest, usual, next(faults, fault));
            }
        }
        group.latest = value;
    }

    /// The most of the whole run, by group.
    pub fn peaks(&self) -> impl Iterator<Item = (&str, f64)> {
        let groups = self.groups.iter();
        groups.map(|(name, group)| (name.as_str(), group.peak))
    }

    pub fn of(&self, fault: usize, end_ns: u64) -> BTreeMap<String, Lag> {
        let heal = self.faults[fault].until_ns;
        let lag = |group: &Group| {
            let watched = group.around[fault];
            // Without a change since the injection it is as it was.
            let (peak, since) = match watched.seen {
                true => (watched.peak, watched.caught_up_ns),
                false => (
                    group.latest,
                    (group.latest <= USUAL * group.before).then_some(heal),
                ),
            };
            let until = since.unwrap_or(end_ns);
            Lag {
                before: group.before,
                peak,
                drained: Measure {
                    ms: until.saturating_sub(heal) as f64 / 1e6,
                    over: since.is_none(),
                },
            }
        };
        let groups = self.groups.iter();
        groups
            .map(|(name, group)| (name.clone(), lag(group)))
            .collect()
    }
}

/// When the next fault after this one's heal begins.
fn next(faults: &[FaultSpan], fault: &FaultSpan) -> u64 {
    let later = faults.iter().map(|other| other.from_ns);
    let later = later.filter(|&at| at >= fault.until_ns && at > fault.from_ns);
    later.min().unwrap_or(u64::MAX)
}

impl Watched {
    /// A group that has not caught up when the next fault begins is followed on until it has.
    fn sample(&mut self, at: u64, value: f64, latest: f64, usual: f64, next_ns: u64) {
        if !self.seen {
            (self.seen, self.peak) = (true, latest);
        }
        if at >= next_ns && (self.caught_up_ns.is_some() || self.done) {
            self.done = true;
            return;
        }
        self.peak = self.peak.max(value);
        if value > usual {
            self.caught_up_ns = None;
        } else if self.caught_up_ns.is_none() {
            self.caught_up_ns = Some(at);
        }
    }
}
