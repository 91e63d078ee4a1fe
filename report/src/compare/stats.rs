//! Means and their intervals.

/// Two-sided 95 % points of Student's t by degrees of freedom, from 1; beyond the table `1.96 + 2.5 / df` is above the true point.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The mean of some runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    pub mean: f64,
    /// Half of the 95 % interval; `None` of a single run.
    pub half: Option<f64>,
    /// Of one run, not of the mean.
    pub variance: f64,
    pub count: usize,
}

impl Estimate {
    /// `None` without values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = if count > 1 {
            squares / (count - 1) as f64
        } else {
            0.0
        };
        let half = (count > 1).then(|| t((count - 1) as f64) * (variance / count as f64).sqrt());
        Some(Self {
            mean,
            half,
            variance,
            count,
        })
    }

    /// Variance of the mean.
    fn of_mean(self) -> f64 {
        self.variance / self.count as f64
    }
}

/// Whether the 95 % interval of the difference of two means leaves 0 out (Welch's test, with Satterthwaite's degrees of freedom).
pub fn differ(a: Estimate, b: Estimate) -> bool {
    let variance = a.of_mean() + b.of_mean();
    let difference = (a.mean - b.mean).abs();
    if variance <= 0.0 {
        return difference > 0.0;
    }
    let share = |one: Estimate| one.of_mean().powi(2) / (one.count as f64 - 1.0).max(1.0);
    let freedom = variance.powi(2) / (share(a) + share(b));
    difference > t(freedom) * variance.sqrt()
}

/// Rounded down to a whole degree, which only widens an interval.
fn t(freedom: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = (freedom.max(1.0) as usize) - 1;
    T.get(whole).copied().unwrap_or(1.96 + 2.5 / freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_textbook() {
        // Mean 3, standard deviation sqrt(2.5), t(4) = 2.776: 2.776 * sqrt(2.5 / 5) = 1.963.
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((estimate.mean - 3.0).abs() < 1e-9);
        assert!((estimate.half.unwrap() - 1.963).abs() < 1e-3);
        assert_eq!(Estimate::of(&[7.0]).unwrap().half, None);
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn welch_tells_a_difference_from_noise() {
        let of = |values: &[f64]| Estimate::of(values).unwrap();
        let calm = of(&[10.0, 11.0, 9.0, 10.0]);
        assert!(differ(calm, of(&[20.0, 21.0, 19.0, 20.0])));
        assert!(!differ(calm, of(&[10.5, 11.5, 9.0, 10.2])));
        // One wild run of two proves nothing.
        assert!(!differ(of(&[10.0, 10.1]), of(&[10.0, 60.0])));
        assert!(differ(of(&[0.0, 0.0]), of(&[1.0, 1.0])));
    }
}
