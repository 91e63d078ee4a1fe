//! Counts and latencies over time, on the load clock. However long the run, there are no more than [`BINS_MAX`] of them: then
//! each two become one.

use super::Histogram;
use std::sync::Arc;

pub const BINS_MAX: usize = 960;
const FIRST_WIDTH_NS: u64 = 250_000_000;

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bin {
    pub offered: u64,
    pub accepted: u64,
    /// Rejected or indeterminate.
    pub failed: u64,
    pub sinks: Vec<SinkBin>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct SinkBin {
    pub effects: u64,
    /// From the intended time to the first effect, of the effects seen in this bin.
    pub latency: Histogram,
}

impl Bin {
    pub fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.accepted += other.accepted;
        self.failed += other.failed;
        if self.sinks.len() < other.sinks.len() {
            self.sinks.resize_with(other.sinks.len(), SinkBin::default);
        }
        for (to, from) in self.sinks.iter_mut().zip(&other.sinks) {
            to.effects += from.effects;
            to.latency.merge(&from.latency);
        }
    }
}

/// Bins are shared with the copies of the board until they change.
#[derive(Clone, Debug)]
pub struct Bins {
    width_ns: u64,
    bins: Vec<Arc<Bin>>,
}

impl Default for Bins {
    fn default() -> Self {
        Self {
            width_ns: FIRST_WIDTH_NS,
            bins: Vec::new(),
        }
    }
}

impl Bins {
    #[must_use]
    pub const fn width_ns(&self) -> u64 {
        self.width_ns
    }

    #[must_use]
    pub fn ends_ns(&self) -> u64 {
        self.bins.len() as u64 * self.width_ns
    }

    /// The bin of a time.
    pub fn at(&mut self, load_ns: u64) -> &mut Bin {
        let mut index = usize::try_from(load_ns / self.width_ns).unwrap_or(usize::MAX);
        while index >= BINS_MAX {
            self.coarsen();
            index = usize::try_from(load_ns / self.width_ns).unwrap_or(usize::MAX);
        }
        if index >= self.bins.len() {
            self.bins.resize_with(index + 1, Arc::default);
        }
        Arc::make_mut(&mut self.bins[index])
    }

    fn coarsen(&mut self) {
        let pair = |pair: &[Arc<Bin>]| {
            let mut sum = (*pair[0]).clone();
            if let Some(second) = pair.get(1) {
                sum.merge(second);
            }
            Arc::new(sum)
        };
        self.bins = self.bins.chunks(2).map(pair).collect();
        self.width_ns *= 2;
    }

    /// The sum of the bins that begin in a stretch of time; `None` where there is none.
    #[must_use]
    pub fn sum(&self, from_ns: u64, to_ns: u64) -> Option<Bin> {
        let first = usize::try_from(from_ns.div_ceil(self.width_ns)).unwrap_or(usize::MAX);
        let last = usize::try_from(to_ns.div_ceil(self.width_ns)).unwrap_or(usize::MAX);
        let bins = self.bins.get(first..last.min(self.bins.len()))?;
        let (head, rest) = bins.split_first()?;
        let mut sum = (**head).clone();
        rest.iter().for_each(|bin| sum.merge(bin));
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_counts_and_the_bound() {
        let mut bins = Bins::default();
        for second in 0..7200 {
            bins.at(second * 1_000_000_000).offered += 10;
        }
        assert!(bins.bins.len() <= BINS_MAX);
        let all = bins.sum(0, u64::MAX / 2).unwrap();
        assert_eq!(all.offered, 72_000);
        assert!(bins.sum(9_000_000_000_000, u64::MAX / 2).is_none());
    }
}
