//! A distribution of times, kept to an eighth: small enough for one in each bucket of a timeline.

/// Steps between a power of two and the next.
const STEPS: u64 = 8;
/// Times are counted in units of 2^10 ns, about a microsecond; the last bin takes what is longer than 19 hours.
const UNIT_BITS: u32 = 10;
const BINS: usize = 280;

/// Bins that are kept as they come, before there are counts of all.
const FEW: usize = if cfg!(test) { 3 } else { 32 };

/// Counts by bin; without memory as long as nothing was recorded, and with little as long as little was.
#[derive(Clone, Default)]
pub struct Coarse {
    /// One entry a value. Empty once there are counts.
    few: Vec<u16>,
    counts: Box<[u32]>,
}

impl Coarse {
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.count_in(bin(ns), 1);
    }

    #[inline]
    fn count_in(&mut self, bin: usize, times: u32) {
        if self.counts.is_empty() {
            if times == 1 && self.few.len() < FEW {
                // A bin is below 280.
                self.few.push(bin as u16);
                return;
            }
            self.counts = vec![0; BINS].into_boxed_slice();
            for known in std::mem::take(&mut self.few) {
                self.counts[usize::from(known)] += 1;
            }
        }
        let count = &mut self.counts[bin];
        *count = count.saturating_add(times);
    }

    pub fn merge(&mut self, other: &Self) {
        for bin in &other.few {
            self.count_in(usize::from(*bin), 1);
        }
        if other.counts.is_empty() {
            return;
        }
        self.count_in(0, 0);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
    }

    pub fn count(&self) -> u64 {
        self.above_bin(0)
    }

    /// Of all values, how many lie in a bin that begins above `limit_ns`: an eighth above it they all do.
    pub fn above(&self, limit_ns: u64) -> u64 {
        self.above_bin(bin(limit_ns) + 1)
    }

    fn above_bin(&self, from: usize) -> u64 {
        let few = self.few.iter().filter(|bin| usize::from(**bin) >= from);
        let counts = self.counts.get(from..).unwrap_or_default();
        few.count() as u64 + counts.iter().map(|&count| u64::from(count)).sum::<u64>()
    }
}

/// Exact below sixteen units, then eight bins for each doubling.
#[inline]
const fn bin(ns: u64) -> usize {
    let units = ns >> UNIT_BITS;
    if units < 2 * STEPS {
        return units as usize;
    }
    let shift = units.ilog2() - STEPS.ilog2();
    let bin = (shift as u64 * STEPS + (units >> shift)) as usize;
    if bin < BINS { bin } else { BINS - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_each_other_without_a_gap_and_are_an_eighth_wide() {
        let mut last = 0;
        let mut began = 0;
        for units in 0..100_000_u64 {
            let bin = bin(units << UNIT_BITS);
            assert!(bin == last || bin == last + 1, "{units}");
            if bin != last {
                assert!(units - began <= (began / STEPS).max(1), "{began}..{units}");
                (last, began) = (bin, units);
            }
        }
        assert_eq!(bin(u64::MAX), BINS - 1);
    }

    #[test]
    fn what_lies_above_a_limit_is_counted_once_it_is_an_eighth_above() {
        let mut coarse = Coarse::default();
        assert_eq!((coarse.count(), coarse.above(0)), (0, 0));
        (1..=100).for_each(|ms: u64| coarse.record(ms * 1_000_000));
        assert_eq!(coarse.count(), 100);
        for limit in 1..100_u64 {
            let above = coarse.above(limit * 1_000_000);
            let surely = (1..=100).filter(|&ms| ms * 8 > limit * 9).count() as u64;
            assert!(surely <= above && above <= 100 - limit, "{limit}: {above}");
        }
    }
}
