//! Partitions without a leader.
//!
//! A broker that was cut off or died goes on being the leader on paper until the controller gives it up (fences it); the
//! partition had no leader since the fault began. One that leaves in order hands its partitions over first.

use squall_check::{FaultSpan, Measure};
use squall_history::Fact;
use std::collections::{BTreeMap, BTreeSet};

/// Of one fault: partitions that lost their leader, the cluster's own topics left out.
#[derive(Clone, PartialEq, Debug)]
pub struct Leaderless {
    pub partitions: u64,
    /// 0 when none lost its leader.
    pub longest: Measure,
    /// `signups/0`.
    pub worst: Option<String>,
}

pub struct Leaders {
    /// By topic and partition; `None`: it is known to have none.
    leaders: BTreeMap<(String, i32), Option<u32>>,
    /// When a fault that hit the broker began, the latest one: what it led had a leader until then.
    hit: BTreeMap<u32, u64>,
    /// Brokers that the controller has given up without their having said good-bye.
    gone: BTreeSet<u32>,
    /// By fault, by partition: since when it has had no leader.
    open: Vec<BTreeMap<(String, i32), u64>>,
    /// By fault: partitions and the longest time, with the partition.
    closed: Vec<Closed>,
}

#[derive(Clone, Default)]
struct Closed {
    partitions: BTreeSet<(String, i32)>,
    longest: Option<(u64, (String, i32))>,
}

impl Leaders {
    pub fn new(faults: usize) -> Self {
        Self {
            leaders: BTreeMap::new(),
            hit: BTreeMap::new(),
            gone: BTreeSet::new(),
            open: vec![BTreeMap::new(); faults],
            closed: vec![Closed::default(); faults],
        }
    }

    /// A fault began; `detail` names whom it hit: `kill broker 1`.
    pub fn injected(&mut self, at: u64, detail: &str) {
        for rest in detail.split("broker ").skip(1) {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            if let Some(Ok(broker)) = digits.map(str::parse) {
                self.hit.insert(broker, at);
            }
        }
    }

    pub fn fact(&mut self, at: u64, fact: &Fact, faults: &[FaultSpan]) {
        match fact.kind.as_str() {
            "fenced" => {
                if let Some(broker) = broker(&fact.text)
                    && !fact.text.ends_with("ControlledShutdown")
                {
                    self.gone.insert(broker);
                }
            }
            "unfenced" => {
                if let Some(broker) = broker(&fact.text) {
                    self.gone.remove(&broker);
                }
            }
            "elected" => self.elected(at, fact, faults),
            _ => {}
        }
    }

    fn elected(&mut self, at: u64, fact: &Fact, faults: &[FaultSpan]) {
        let (Some(topic), Some(partition)) = (&fact.topic, fact.partition) else {
            return;
        };
        if topic.starts_with("__") {
            return;
        }
        let place = (topic.clone(), partition);
        let leader = leader(&fact.text);
        let before = self.leaders.insert(place.clone(), leader).flatten();
        let lost = before.filter(|broker| self.gone.contains(broker));
        let hit_ns = lost.and_then(|broker| self.hit.get(&broker)).copied();
        for (index, fault) in faults.iter().enumerate() {
            let latest = super::latest_ns(fault, faults);
            let concerns = fault.from_ns <= at && at <= latest && before.is_some();
            if concerns && lost.is_some() {
                // Another fault may have taken the leader away, later than this one began.
                let since = hit_ns.unwrap_or(0).clamp(fault.from_ns, at);
                self.open[index].entry(place.clone()).or_insert(since);
            } else if concerns && leader.is_none() {
                self.open[index].entry(place.clone()).or_insert(at);
            }
            if leader.is_some()
                && let Some(since) = self.open[index].remove(&place)
            {
                self.closed[index].add(at.saturating_sub(since), &place);
            }
        }
    }

    /// `None`: the cluster told nothing of elections.
    pub fn of(&self, fault: usize, end_ns: u64) -> Option<Leaderless> {
        if self.leaders.is_empty() {
            return None;
        }
        let mut all = self.closed[fault].clone();
        for (place, since) in &self.open[fault] {
            all.add(end_ns.saturating_sub(*since), place);
        }
        let over = |place: &(String, i32)| self.open[fault].contains_key(place);
        let name = |place: &(String, i32)| format!("{}/{}", place.0, place.1);
        Some(Leaderless {
            partitions: all.partitions.len() as u64,
            longest: Measure {
                ms: all.longest.as_ref().map_or(0.0, |(ns, _)| *ns as f64 / 1e6),
                over: all.longest.as_ref().is_some_and(|(_, place)| over(place)),
            },
            worst: all.longest.as_ref().map(|(_, place)| name(place)),
        })
    }
}

impl Closed {
    fn add(&mut self, ns: u64, place: &(String, i32)) {
        self.partitions.insert(place.clone());
        if self
            .longest
            .as_ref()
            .is_none_or(|(longest, _)| *longest < ns)
        {
            self.longest = Some((ns, place.clone()));
        }
    }
}

/// `broker 1: SessionTimeout`
fn broker(text: &str) -> Option<u32> {
    let number = text.strip_prefix("broker ")?;
    number.split(':').next()?.parse().ok()
}

/// `leader 2, in sync [2, 3]`; `None` for `leader none (offline), ...`
fn leader(text: &str) -> Option<u32> {
    let number = text.strip_prefix("leader ")?;
    number.split([',', ' ']).next()?.parse().ok()
}
