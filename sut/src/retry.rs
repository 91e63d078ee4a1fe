//! How long to wait before the next attempt.

use squall_env::Env;
use std::time::Duration;

const BASE_MS: u64 = 20;
const LONGEST_MS: u64 = 5_000;

/// Exponential backoff with jitter: between a half and the whole of 20 ms, doubled each time, at most 5 s. `attempt` is 1
/// after the first failure.
pub(crate) fn backoff<E: Env>(env: &E, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = (BASE_MS << doublings).min(LONGEST_MS) * 1_000;
    let half = whole / 2;
    Duration::from_micros(half + env.random("backoff") % (half + 1))
}
