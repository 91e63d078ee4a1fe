//! The run's clock, and sleeping until a time on it.

use std::time::Instant;

/// Where the times of a load lie.
#[derive(Clone, Copy, Debug)]
pub struct RunTimes {
    /// Time 0 of the history.
    pub start: Instant,
    /// The same moment on the wall clock, nanoseconds since 1970, for `{{time}}` in templates.
    pub started_unix_ns: u64,
    /// Where 0 of the load clock lies, nanoseconds since `start`.
    pub load_zero_ns: u64,
}

impl RunTimes {
    /// Nanoseconds since the start of the run.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sleeps until the given time of the run, to the precision of the kernel's high-resolution timers.
    pub(crate) fn sleep_until(&self, at_ns: u64) {
        let Some(rest) = at_ns.checked_sub(self.now_ns()).filter(|rest| *rest > 0) else {
            return;
        };
        sleep_absolute(rest);
    }
}

/// An absolute sleep: being preempted between here and the call does not add to it.
#[cfg(target_os = "linux")]
fn sleep_absolute(rest_ns: u64) {
    use rustix::thread::{ClockId, clock_nanosleep_absolute};
    let now = rustix::time::clock_gettime(ClockId::Monotonic);
    let rest = rustix::time::Timespec {
        tv_sec: i64::try_from(rest_ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (rest_ns % 1_000_000_000) as _,
    };
    let Some(until) = now.checked_add(rest) else {
        return;
    };
    // Any other error leaves the caller to look at the clock again, which it does anyway.
    while clock_nanosleep_absolute(ClockId::Monotonic, &until) == Err(rustix::io::Errno::INTR) {}
}

#[cfg(not(target_os = "linux"))]
fn sleep_absolute(rest_ns: u64) {
    std::thread::sleep(std::time::Duration::from_nanos(rest_ns));
}
