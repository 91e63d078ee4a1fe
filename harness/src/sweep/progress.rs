//! One line on the error output that is written again and again.

use std::io::Write;
use std::time::{Duration, Instant};

/// How often the line changes.
pub const EVERY: Duration = Duration::from_millis(200);

pub struct Progress {
    seeds: u64,
    started: Instant,
}

impl Progress {
    pub const fn new(seeds: u64, started: Instant) -> Self {
        Self { seeds, started }
    }

    pub fn show(&mut self, done: u64) {
        let line = line(done, self.seeds, self.started.elapsed());
        let mut err = std::io::stderr();
        // Nobody may be looking any more, which is no reason to stop.
        let _ = write!(err, "\r\x1b[K{line}");
        let _ = err.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

fn line(done: u64, seeds: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let left = if done == 0 {
        "?".to_owned()
    } else {
        format!("{:.0} s", seeds.saturating_sub(done) as f64 / rate)
    };
    format!("{done}/{seeds} seeds, {rate:.0}/s, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_rate_and_estimated_end() {
        let after = |done| line(done, 1_000, Duration::from_secs(2));
        assert_eq!(after(200), "200/1000 seeds, 100/s, 8 s left");
        assert_eq!(after(0), "0/1000 seeds, 0/s, ? left");
    }
}
