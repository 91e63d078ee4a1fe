//! How late something is: one draw of a delay.

use super::Distribution;
use crate::rng::Rng;

/// No single delay is longer: a heavy tail must not hold a connection for days.
const DELAY_NS_MAX: u64 = 600_000_000_000;
/// Shape of the Pareto distribution.
const SHAPE: f64 = 1.5;

/// Draws one delay. Never negative.
pub fn draw(latency_ns: u64, jitter_ns: u64, distribution: Distribution, rng: &mut Rng) -> u64 {
    if jitter_ns == 0 {
        return latency_ns.min(DELAY_NS_MAX);
    }
    let factor = match distribution {
        Distribution::Uniform => 2.0 * rng.unit() - 1.0,
        // Box and Muller, 1958.
        Distribution::Normal => {
            let radius = (2.0 * rng.exponential()).sqrt();
            radius * libm::cos(std::f64::consts::TAU * rng.unit())
        }
        Distribution::Pareto => libm::pow(rng.unit(), -1.0 / SHAPE) - 1.0,
    };
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let jitter = (jitter_ns as f64 * factor) as i64;
    latency_ns.saturating_add_signed(jitter).min(DELAY_NS_MAX)
}
