//! Latencies in buckets of an eighth of a power of two (9 % wide at most), from 64 us to two minutes.

const FIRST_POWER: u32 = 6;
const LAST_POWER: u32 = 26;
const BUCKETS: usize = ((LAST_POWER - FIRST_POWER + 1) * 8) as usize;

#[derive(Clone, PartialEq, Debug)]
pub struct Histogram {
    counts: Box<[u32; BUCKETS]>,
    count: u64,
    max_ns: u64,
    sum_ns: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
            count: 0,
            max_ns: 0,
            sum_ns: 0.0,
        }
    }
}

fn bucket(ns: u64) -> usize {
    let us = (ns / 1000).max(1 << FIRST_POWER);
    let power = (63 - us.leading_zeros()).min(LAST_POWER);
    let eighth = if us >> (LAST_POWER + 1) > 0 {
        7
    } else {
        (us >> (power - 3)) & 7
    };
    ((power - FIRST_POWER) * 8) as usize + usize::try_from(eighth).unwrap_or(7)
}

/// The middle of a bucket.
fn middle_ns(bucket: usize) -> u64 {
    let power = FIRST_POWER + u32::try_from(bucket / 8).unwrap_or(0);
    let eighth = (bucket % 8) as u64;
    let low = (8 + eighth) << (power - 3);
    (low + (1 << (power - 3)) / 2) * 1000
}

impl Histogram {
    pub fn add(&mut self, ns: u64) {
        let count = &mut self.counts[bucket(ns)];
        *count = count.saturating_add(1);
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += ns as f64;
    }

    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        for (to, from) in self.counts.iter_mut().zip(other.counts.iter()) {
            *to = to.saturating_add(*from);
        }
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns += other.sum_ns;
    }

    #[must_use]
    pub const fn sum_ns(&self) -> f64 {
        self.sum_ns
    }

    /// Values that lie below, each taken for the middle of its bucket.
    #[must_use]
    pub fn count_below(&self, ns: f64) -> u64 {
        let below = |(index, _): &(usize, &u32)| middle_ns(*index).min(self.max_ns) as f64 <= ns;
        let counts = self.counts.iter().enumerate().filter(below);
        counts.map(|(_, count)| u64::from(*count)).sum()
    }

    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_ns)
    }

    /// `share` from 0 to 1; within 5 % of the true value.
    #[must_use]
    pub fn quantile_ns(&self, share: f64) -> Option<u64> {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(middle_ns(index).min(self.max_ns));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_their_bucket_of_the_true_ones() {
        let mut histogram = Histogram::default();
        let mut values: Vec<u64> = (1..=4000u64).map(|n| n * n * 3_000 + 70_000).collect();
        values.iter().for_each(|value| histogram.add(*value));
        values.sort_unstable();
        for share in [0.01, 0.5, 0.9, 0.99, 1.0] {
            let rank = (values.len() as f64 * share).ceil() as usize - 1;
            let (true_one, told) = (values[rank], histogram.quantile_ns(share).unwrap());
            let error = true_one.abs_diff(told) as f64 / true_one as f64;
            assert!(error < 0.07, "{share}: {told} for {true_one}");
        }
        assert_eq!(histogram.max_ns(), values.last().copied());
    }

    #[test]
    fn any_value_has_a_bucket() {
        for ns in [0, 1, 63_999, 64_000, 134_217_728_000, u64::MAX] {
            assert!(bucket(ns) < BUCKETS, "{ns}");
        }
        assert_eq!(Histogram::default().quantile_ns(0.5), None);
    }
}
