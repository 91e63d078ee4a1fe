//! A distribution of times, kept to three significant digits from a microsecond up.
//!
//! A run of a few hundred events has some dozens of trends. As histograms they would take a quarter of a megabyte each, most of it never
//! touched but all of it zeroed, copied and searched: a trend keeps its values as they are until they are many. Both forms give the
//! same numbers.

mod few;
#[cfg(test)]
mod tests;

use crate::metrics::Summary;
use few::Few;
use hdrhistogram::Histogram;

/// Largest time that a trend tells apart: one day. Longer ones count as one day.
const MICROSECONDS_MAX: u64 = 24 * 3600 * 1_000_000;
/// Values that are kept as they are. Few in tests, so that they meet the joint.
const FEW_MAX: usize = if cfg!(test) { 64 } else { 4096 };

/// A distribution of times, kept to three significant digits from a microsecond up.
#[derive(Clone, Debug)]
pub struct Trend {
    values: Values,
    /// Exact, since a bucket is known by its bounds only.
    sum_us: u128,
    min_us: u64,
    max_us: u64,
}

#[derive(Clone, Debug)]
enum Values {
    Few(Few),
    Many(Box<Histogram<u64>>),
}

impl Default for Trend {
    fn default() -> Self {
        Self::new()
    }
}

impl Trend {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            values: Values::Few(Few::new()),
            sum_us: 0,
            min_us: u64::MAX,
            max_us: 0,
        }
    }

    #[inline]
    pub fn record_ns(&mut self, ns: u64) {
        let us = ns / 1_000;
        self.values.record(us);
        self.sum_us += u128::from(us);
        self.min_us = us.min(self.min_us);
        self.max_us = us.max(self.max_us);
    }

    pub fn merge(&mut self, other: &Self) {
        self.values.merge(&other.values);
        self.sum_us += other.sum_us;
        self.min_us = self.min_us.min(other.min_us);
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Nothing will be added any more: makes many questions cheap.
    pub fn close(&mut self) {
        if let Values::Few(few) = &mut self.values {
            few.sort();
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.values {
            Values::Few(few) => few.len() as u64,
            Values::Many(histogram) => histogram.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Milliseconds below which the given per cent (0 to 100) of the values lie; `None` when there are none.
    #[must_use]
    pub fn percentile_ms(&self, per_cent: f64) -> Option<f64> {
        let bucket = || match &self.values {
            Values::Few(few) => few.at_quantile(per_cent / 100.0),
            Values::Many(histogram) => histogram.value_at_quantile(per_cent / 100.0),
        };
        // A bucket reports its upper end.
        (!self.is_empty()).then(|| ms(bucket().clamp(self.min_us, self.max_us)))
    }

    #[must_use]
    pub fn min_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| ms(self.min_us))
    }

    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| ms(self.max_us))
    }

    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum_us as f64 / self.count() as f64 / 1_000.0)
    }

    /// `None` when nothing was measured.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        Some(Summary {
            count: self.count(),
            min_ms: self.min_ms()?,
            mean_ms: self.mean_ms()?,
            p50_ms: self.percentile_ms(50.0)?,
            p90_ms: self.percentile_ms(90.0)?,
            p99_ms: self.percentile_ms(99.0)?,
            p999_ms: self.percentile_ms(99.9)?,
            max_ms: self.max_ms()?,
        })
    }
}

impl Values {
    #[inline]
    fn record(&mut self, us: u64) {
        match self {
            Self::Few(few) if few.len() < FEW_MAX => few.push(us),
            _ => self.many().saturating_record(us),
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Few(few), Self::Few(more)) if few.len() + more.len() <= FEW_MAX => {
                few.extend(more);
            }
            (_, Self::Few(more)) => {
                let many = self.many();
                more.iter().for_each(|us| many.saturating_record(us));
            }
            // Equal bounds never fail.
            (_, Self::Many(more)) => drop(self.many().add(&**more)),
        }
    }

    /// As a histogram, which it becomes if it is none.
    fn many(&mut self) -> &mut Histogram<u64> {
        if let Self::Few(few) = self {
            let mut histogram = histogram();
            few.iter().for_each(|us| histogram.saturating_record(us));
            *self = Self::Many(Box::new(histogram));
        }
        match self {
            Self::Many(histogram) => histogram,
            Self::Few(_) => unreachable!("it was made a histogram above"),
        }
    }
}

#[allow(clippy::expect_used)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MICROSECONDS_MAX, 3).expect("constant bounds")
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}
