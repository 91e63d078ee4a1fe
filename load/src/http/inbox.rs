//! From the dispatcher to the event loop, waking it only when it sleeps. Without locks: see [`crate::outcomes`].

use mio::Waker;
use squall_plan::plan::Arrival;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// An event that waits for its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub arrival: Arrival,
    /// When it was handed over, nanoseconds of the run: its time-out counts from here, so that a stall of the harness
    /// costs no event its chance.
    pub since_ns: u64,
}

/// The dispatcher's end. Dropping it says that nothing more will come.
pub(super) struct Outbox {
    to: Option<Sender<Waiting>>,
    bell: Arc<Bell>,
}

/// The event loop's end.
pub(super) struct Inbox {
    from: Receiver<Waiting>,
    bell: Arc<Bell>,
    pub closed: bool,
}

struct Bell {
    asleep: AtomicBool,
    waker: Waker,
}

pub(super) fn inbox(waker: Waker) -> (Outbox, Inbox) {
    let (to, from) = channel();
    let bell = Arc::new(Bell {
        asleep: AtomicBool::new(false),
        waker,
    });
    let outbox = Outbox {
        to: Some(to),
        bell: Arc::clone(&bell),
    };
    let inbox = Inbox {
        from,
        bell,
        closed: false,
    };
    (outbox, inbox)
}

impl Outbox {
    pub fn put(&self, due: &[Arrival], since_ns: u64) {
        for arrival in due {
            let arrival = *arrival;
            if let Some(to) = &self.to {
                // The event loop is gone only when it died, which its thread's end tells.
                let _ = to.send(Waiting { arrival, since_ns });
            }
        }
        self.bell.ring();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.to = None;
        self.bell.ring();
    }
}

impl Inbox {
    /// Takes what has come; false when that was nothing new.
    pub fn take(&mut self, into: &mut VecDeque<Waiting>) -> bool {
        let (before, closed_before) = (into.len(), self.closed);
        loop {
            match self.from.try_recv() {
                Ok(waiting) => into.push_back(waiting),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.closed = true;
                    break;
                }
            }
        }
        into.len() > before || self.closed != closed_before
    }

    /// The event loop is about to sleep; false when something has come in between.
    pub fn may_sleep(&mut self, into: &mut VecDeque<Waiting>) -> bool {
        self.bell.asleep.store(true, SeqCst);
        let news = self.take(into);
        if news {
            self.awake();
        }
        !news
    }

    pub fn awake(&self) {
        self.bell.asleep.store(false, SeqCst);
    }
}

impl Bell {
    fn ring(&self) {
        if self.asleep.swap(false, SeqCst) {
            // It fails only when the event loop is gone, as above.
            let _ = self.waker.wake();
        }
    }
}
