//! Wall clocks: each process has one, which is right unless a fault makes it wrong. Nothing else goes by them than what processes
//! read and put on their records; time-outs and pauses go by the kernel's time.

use crate::kernel::{MS, Nanos};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The clock of a process, whichever of its lives it is in.
pub struct WallClock {
    unix_ms_at_0: u64,
    skew_ms: Cell<i64>,
    /// How often it was read while it was wrong, and how far off what it told last was, in milliseconds.
    wrong: Cell<(u64, i64)>,
}

impl WallClock {
    /// Milliseconds since 1970 that it shows at this time.
    pub fn read(&self, now: Nanos) -> u64 {
        let right = right(self.unix_ms_at_0, now);
        let skew_ms = self.skew_ms.get();
        if skew_ms == 0 {
            return right;
        }
        let told = right.saturating_add_signed(skew_ms);
        let off_ms = told.cast_signed() - right.cast_signed();
        self.wrong.set((self.wrong.get().0 + 1, off_ms));
        told
    }
}

/// All of them, by the names of processes.
pub struct Clocks {
    unix_ms_at_0: u64,
    all: RefCell<BTreeMap<String, Rc<WallClock>>>,
}

impl Clocks {
    #[must_use]
    pub fn new(unix_ms_at_0: u64) -> Self {
        Self {
            unix_ms_at_0,
            all: RefCell::default(),
        }
    }

    /// Milliseconds since 1970 at this time.
    pub fn right(&self, now: Nanos) -> u64 {
        right(self.unix_ms_at_0, now)
    }

    pub fn of(&self, process: &str) -> Rc<WallClock> {
        let mut all = self.all.borrow_mut();
        if let Some(known) = all.get(process) {
            return Rc::clone(known);
        }
        let clock = Rc::new(WallClock {
            unix_ms_at_0: self.unix_ms_at_0,
            skew_ms: Cell::new(0),
            wrong: Cell::default(),
        });
        all.insert(process.to_owned(), Rc::clone(&clock));
        clock
    }

    /// 0: it is right again.
    pub fn skew(&self, process: &str, skew_ms: i64) {
        let clock = self.of(process);
        if skew_ms != 0 {
            clock.wrong.take();
        }
        clock.skew_ms.set(skew_ms);
    }

    /// How often a process read a wrong clock, and how far off the last time was that it was told, in milliseconds.
    pub fn wrong(&self, process: &str) -> (u64, i64) {
        self.of(process).wrong.get()
    }
}

const fn right(unix_ms_at_0: u64, now: Nanos) -> u64 {
    unix_ms_at_0 + now / MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_for_as_long_as_it_is_skewed_and_alone() {
        let clocks = Clocks::new(1_000_000);
        let (own, other) = (clocks.of("a/0"), clocks.of("b/0"));
        assert_eq!(own.read(3_000_000), 1_000_003);
        clocks.skew("a/0", -500);
        assert_eq!((own.read(0), other.read(0)), (999_500, 1_000_000));
        clocks.skew("a/0", 0);
        assert_eq!(own.read(0), 1_000_000);
        assert_eq!(
            (clocks.wrong("a/0"), clocks.wrong("b/0")),
            ((1, -500), (0, 0))
        );
    }
}
