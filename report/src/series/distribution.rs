//! A distribution of times that costs little while it is empty, and little more when it is not.

use hdrhistogram::Histogram;

/// Two significant digits: 1 per cent. The largest value is kept exactly.
const DIGITS: u8 = 2;

/// Nothing shorter is told apart.
const MICROSECOND_NS: u64 = 1_000;

/// Longer times than a day count as a day.
const MAX_NS: u64 = 24 * 3600 * 1_000_000_000;

/// Times in nanoseconds, as the tools that read HdrHistogram logs expect them.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    histogram: Option<Box<Histogram<u32>>>,
    max_ns: u64,
}

impl Distribution {
    pub fn record_ns(&mut self, ns: u64) {
        let ns = ns.clamp(MICROSECOND_NS, MAX_NS);
        self.max_ns = self.max_ns.max(ns);
        if self.histogram.is_none() {
            self.histogram = Histogram::new_with_bounds(MICROSECOND_NS, 2 * MICROSECOND_NS, DIGITS)
                .ok()
                .map(Box::new);
            if let Some(histogram) = &mut self.histogram {
                histogram.auto(true);
            }
        }
        if let Some(histogram) = &mut self.histogram {
            // It grows as it must; a count that is full stays full.
            let _ = histogram.record(ns);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let Some(theirs) = &other.histogram else {
            return;
        };
        self.max_ns = self.max_ns.max(other.max_ns);
        match &mut self.histogram {
            Some(ours) => {
                let _ = ours.add(theirs.as_ref());
            }
            None => self.histogram = Some(theirs.clone()),
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram
            .as_ref()
            .map_or(0, |histogram| histogram.len())
    }

    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.max_ns as f64 / 1e6)
    }

    /// Milliseconds below which the given per cent (0 to 100) of the values lie.
    #[must_use]
    pub fn percentile_ms(&self, per_cent: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref()?;
        // A bucket reports its upper end, which may lie beyond every value.
        Some(histogram.value_at_percentile(per_cent).min(self.max_ns) as f64 / 1e6)
    }

    /// For logs that other tools read.
    pub(crate) fn histogram(&self) -> Option<&Histogram<u32>> {
        self.histogram.as_deref()
    }
}
