//! Lag over time, from the samples that the run recorded when it changed.

use super::Grid;
use super::marks::on_load_clock_ms;
use squall_history::{Note, What};
use std::collections::BTreeMap;

/// Groups that are followed at most.
const GROUPS_MAX: usize = 32;
/// Partitions that are followed at most, of all groups.
const PARTITIONS_MAX: usize = 512;

/// One value a bucket: the largest in it, so that no peak is lost; `None` before it was first known.
pub type Values = Vec<Option<f64>>;

/// A name and its values.
pub type Named = (String, Values);

pub struct Gather {
    grid: Grid,
    epoch_ns: u64,
    groups: BTreeMap<String, Samples>,
    /// By group, then topic and partition.
    partitions: BTreeMap<(String, (String, i32)), Samples>,
}

struct Samples {
    /// Before the grid begins.
    first: Option<f64>,
    /// By bucket: the largest and the last sample.
    buckets: Vec<Option<(f64, f64)>>,
}

impl Gather {
    pub const fn new(grid: Grid, epoch_ns: u64) -> Self {
        Self {
            grid,
            epoch_ns,
            groups: BTreeMap::new(),
            partitions: BTreeMap::new(),
        }
    }

    pub fn note(&mut self, note: &Note) {
        let What::Sample {
            metric,
            labels,
            value,
        } = &note.what
        else {
            return;
        };
        let Some(group) = labels.get("group") else {
            return;
        };
        let grid = self.grid;
        let samples = match metric.as_str() {
            "lag" => bounded(&mut self.groups, group.clone(), GROUPS_MAX, grid),
            "lag_partition" => {
                let (Some(topic), Some(Ok(partition))) = (
                    labels.get("topic"),
                    labels.get("partition").map(|number| number.parse()),
                ) else {
                    return;
                };
                let place = (group.clone(), (topic.clone(), partition));
                bounded(&mut self.partitions, place, PARTITIONS_MAX, grid)
            }
            _ => None,
        };
        if let Some(samples) = samples {
            samples.add(grid, on_load_clock_ms(note.at, self.epoch_ns), *value);
        }
    }

    /// Of the groups; and of the partitions, by group and name.
    pub fn finish(self) -> (BTreeMap<String, Values>, BTreeMap<String, Vec<Named>>) {
        let groups = self.groups.into_iter();
        let groups = groups.map(|(name, samples)| (name, samples.values()));
        let mut partitions: BTreeMap<String, Vec<Named>> = BTreeMap::new();
        for ((group, (topic, partition)), samples) in self.partitions {
            let of_group = partitions.entry(group).or_default();
            of_group.push((format!("{topic}/{partition}"), samples.values()));
        }
        (groups.collect(), partitions)
    }
}

/// The samples of a key; `None` for one too many.
fn bounded<K: Ord>(
    of: &mut BTreeMap<K, Samples>,
    key: K,
    most: usize,
    grid: Grid,
) -> Option<&mut Samples> {
    if of.len() >= most && !of.contains_key(&key) {
        return None;
    }
    Some(of.entry(key).or_insert_with(|| Samples {
        first: None,
        buckets: vec![None; grid.count],
    }))
}

impl Samples {
    fn add(&mut self, grid: Grid, at_ms: f64, value: f64) {
        if at_ms < 0.0 {
            self.first = Some(value);
        } else if at_ms <= grid.ends_s() * 1e3 {
            let sample = &mut self.buckets[grid.bucket(at_ms)];
            let peak = sample.map_or(value, |(peak, _)| peak.max(value));
            *sample = Some((peak, value));
        }
    }

    fn values(self) -> Values {
        let mut last = self.first;
        let value = |sample: Option<(f64, f64)>| {
            let before = last;
            last = sample.map_or(before, |(_, latest)| Some(latest));
            match (before, sample) {
                (Some(before), Some((peak, _))) => Some(peak.max(before)),
                (None, sample) => sample.map(|(peak, _)| peak),
                (before, None) => before,
            }
        };
        self.buckets.into_iter().map(value).collect()
    }
}
