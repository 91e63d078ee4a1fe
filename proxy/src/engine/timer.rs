//! A timer that epoll can wait on: its own time-out has a resolution of a millisecond, and delays are finer than that.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;

/// A timer on the monotonic clock; becomes readable when it is due.
pub struct Timer {
    fd: OwnedFd,
    /// What it is set to, so that setting the same again costs nothing.
    due: Option<u64>,
}

impl Timer {
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { fd, due: None })
    }

    /// Sets it to go off at `due`, or never.
    pub fn set(&mut self, now: u64, due: Option<u64>) -> io::Result<()> {
        if self.due == due {
            return Ok(());
        }
        // A relative time of zero would disarm it.
        let wait = due.map_or(0, |due| due.saturating_sub(now).max(1));
        let it_value = Timespec {
            tv_sec: i64::try_from(wait / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(wait % 1_000_000_000).unwrap_or(0),
        };
        let spec = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value,
        };
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &spec)?;
        self.due = due;
        Ok(())
    }

    /// It went off: the next [`Self::set`] must arm it again. Not read: with edge-triggered epoll setting it anew is enough.
    pub fn fired(&mut self) {
        self.due = None;
    }
}
