//! Buckets of equal width over the time of a run.

/// Buckets of one run at most.
pub const BUCKETS_MAX: usize = 160;

/// Widths of buckets, in milliseconds; beyond the last one they double.
const WIDTHS_MS: [f64; 12] = [
    100.0, 200.0, 250.0, 500.0, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3,
];

/// From 0 of the load clock to the end of the drain.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Grid {
    pub width_ms: f64,
    pub count: usize,
}

impl Grid {
    /// The narrowest buckets that reach until `ends_ms`.
    #[must_use]
    pub fn covering(ends_ms: f64) -> Self {
        let ends_ms = if ends_ms.is_finite() {
            ends_ms.max(1.0)
        } else {
            1.0
        };
        let fits = |width: f64| ends_ms / width <= BUCKETS_MAX as f64;
        let known = WIDTHS_MS.into_iter().find(|&width| fits(width));
        let width_ms = known.unwrap_or_else(|| {
            let mut width = WIDTHS_MS[WIDTHS_MS.len() - 1];
            while !fits(width) {
                width *= 2.0;
            }
            width
        });
        Self {
            width_ms,
            count: ((ends_ms / width_ms).ceil() as usize).clamp(1, BUCKETS_MAX),
        }
    }

    /// The bucket of a time; what lies outside belongs to the first or the last.
    #[must_use]
    pub fn bucket(&self, ms: f64) -> usize {
        // A cast of what is negative or not a number gives 0.
        ((ms / self.width_ms) as usize).min(self.count - 1)
    }

    /// Middle of a bucket in seconds.
    #[must_use]
    pub fn middle_s(&self, bucket: usize) -> f64 {
        (bucket as f64 + 0.5) * self.width_ms / 1e3
    }

    #[must_use]
    pub fn ends_s(&self) -> f64 {
        self.count as f64 * self.width_ms / 1e3
    }

    /// Counts of a bucket as a rate a second.
    #[must_use]
    pub fn rate(&self, counts: &[u64]) -> Vec<Option<f64>> {
        let rate = |count: &u64| Some(*count as f64 * 1e3 / self.width_ms);
        counts.iter().map(rate).collect()
    }
}
