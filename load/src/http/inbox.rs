//! From the dispatcher to the event loop, waking it only when it sleeps.

use mio::Waker;
use squall_plan::plan::Arrival;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

/// An event that waits for its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub arrival: Arrival,
    /// When it was handed over, nanoseconds of the run: its time-out counts from here, so that a stall of the harness
    /// costs no event its chance.
    pub since_ns: u64,
}

pub(super) struct Inbox {
    waiting: Mutex<Vec<Waiting>>,
    closed: AtomicBool,
    asleep: AtomicBool,
    waker: Waker,
}

impl Inbox {
    pub fn new(waker: Waker) -> Self {
        Self {
            waiting: Mutex::default(),
            closed: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            waker,
        }
    }

    pub fn put(&self, due: &[Arrival], now_ns: u64) {
        self.lock().extend(due.iter().map(|arrival| Waiting {
            arrival: *arrival,
            since_ns: now_ns,
        }));
        self.wake();
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.wake();
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub fn take(&self, into: &mut VecDeque<Waiting>) {
        into.extend(self.lock().drain(..));
    }

    /// The event loop is about to sleep; false when something came in between.
    pub fn may_sleep(&self, closed_before: bool) -> bool {
        self.asleep.store(true, SeqCst);
        let nothing = self.lock().is_empty() && self.is_closed() == closed_before;
        if !nothing {
            self.awake();
        }
        nothing
    }

    pub fn awake(&self) {
        self.asleep.store(false, SeqCst);
    }

    fn wake(&self) {
        if self.asleep.swap(false, SeqCst) {
            // It fails only when the event loop is gone, which `finish` sees.
            let _ = self.waker.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
