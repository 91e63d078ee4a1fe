//! Lag over time, from the samples that the run recorded whenever it changed.

use super::Grid;
use super::marks::on_load_clock_ms;
use squall_history::{Note, What};
use std::collections::BTreeMap;

/// Groups that are followed at most.
const GROUPS_MAX: usize = 32;

pub struct Gather {
    grid: Grid,
    epoch_ns: u64,
    groups: BTreeMap<String, Group>,
}

struct Group {
    /// Before the grid begins.
    first: Option<f64>,
    /// By bucket: the largest and the last sample.
    samples: Vec<Option<(f64, f64)>>,
}

impl Gather {
    pub const fn new(grid: Grid, epoch_ns: u64) -> Self {
        Self {
            grid,
            epoch_ns,
            groups: BTreeMap::new(),
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
        let Some(name) = labels.get("group").filter(|_| metric == "lag") else {
            return;
        };
        if !self.groups.contains_key(name) && self.groups.len() == GROUPS_MAX {
            return;
        }
        let group = self.groups.entry(name.clone()).or_insert_with(|| Group {
            first: None,
            samples: vec![None; self.grid.count],
        });
        let at_ms = on_load_clock_ms(note.at, self.epoch_ns);
        if at_ms < 0.0 {
            group.first = Some(*value);
        } else if at_ms <= self.grid.ends_s() * 1e3 {
            let sample = &mut group.samples[self.grid.bucket(at_ms)];
            let peak = sample.map_or(*value, |(peak, _)| peak.max(*value));
            *sample = Some((peak, *value));
        }
    }

    /// The largest value within each bucket, so that no peak is lost.
    pub fn finish(self) -> BTreeMap<String, Vec<Option<f64>>> {
        let values = |group: Group| {
            let mut last = group.first;
            let value = |sample: Option<(f64, f64)>| {
                let before = last;
                last = sample.map_or(before, |(_, latest)| Some(latest));
                match (before, sample) {
                    (Some(before), Some((peak, _))) => Some(peak.max(before)),
                    (None, sample) => sample.map(|(peak, _)| peak),
                    (before, None) => before,
                }
            };
            group.samples.into_iter().map(value).collect()
        };
        self.groups
            .into_iter()
            .map(|(name, group)| (name, values(group)))
            .collect()
    }
}
