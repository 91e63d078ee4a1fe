//! Waiting for what nobody announces.

use std::time::{Duration, Instant};

/// Looks at a condition every so often until it holds; says whether it did in time.
pub fn until(within: Duration, every: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(every);
    }
}
