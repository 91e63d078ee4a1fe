//! Ctrl-C. The first asks for an orderly end: heal, drain, report. The second ends at once: what was registered with
//! [`Interrupt::at_second`] runs, then the process exits with [`EXIT_AT_ONCE`].
//!
//! SIGTERM and SIGHUP (a terminal that closes) count as Ctrl-C.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Exit code after a second Ctrl-C: what shells report for a process that SIGINT ended.
pub const EXIT_AT_ONCE: i32 = 130;

type Cleanup = Box<dyn FnOnce() + Send>;

/// A handle to the process's Ctrl-C; clones are the same one.
#[derive(Clone)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requested: AtomicBool,
    cleanups: Mutex<BTreeMap<u64, Cleanup>>,
    lock: Mutex<()>,
    changed: Condvar,
}

/// What is to run at a second Ctrl-C, for as long as this lives.
#[must_use = "dropping it takes the cleanup back"]
pub struct AtSecond {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for AtSecond {
    fn drop(&mut self) {
        self.shared.cleanups().remove(&self.number);
    }
}

impl Interrupt {
    /// The process's one: listens, on a thread of its own, from the first call on. A Ctrl-C holds for all runs that
    /// are still to come, too.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen() -> io::Result<Self> {
        static LISTENING: Mutex<Option<Interrupt>> = Mutex::new(None);
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interrupt) = &*listening {
            return Ok(interrupt.clone());
        }
        let interrupt = Self::detached();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let heard = interrupt.clone();
        std::thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    if heard.is_requested() {
                        heard.end_at_once();
                    }
                    heard.request();
                }
            })?;
        *listening = Some(interrupt.clone());
        Ok(interrupt)
    }

    /// One that no signal reaches, for tests and for libraries.
    #[must_use]
    pub fn detached() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// Asks for an orderly end, as the first Ctrl-C does.
    pub fn request(&self) {
        self.shared.requested.store(true, Ordering::SeqCst);
        let _held = self
            .shared
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.shared.changed.notify_all();
    }

    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.shared.requested.load(Ordering::SeqCst)
    }

    /// Waits until an orderly end is asked for, at most this long; says whether it was.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> bool {
        let held = self
            .shared
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .shared
            .changed
            .wait_timeout_while(held, at_most, |()| !self.is_requested());
        self.is_requested()
    }

    /// Runs at a second Ctrl-C, before the process exits; the latest registered first. Must not wait for long.
    pub fn at_second<T>(&self, cleanup: impl FnOnce() -> T + Send + 'static) -> AtSecond {
        let mut cleanups = self.shared.cleanups();
        let number = cleanups.last_key_value().map_or(0, |(last, _)| last + 1);
        cleanups.insert(number, Box::new(move || drop(cleanup())));
        AtSecond {
            shared: Arc::clone(&self.shared),
            number,
        }
    }

    fn end_at_once(&self) -> ! {
        let cleanups = std::mem::take(&mut *self.shared.cleanups());
        for cleanup in cleanups.into_values().rev() {
            cleanup();
        }
        std::process::exit(EXIT_AT_ONCE)
    }
}

impl Shared {
    fn cleanups(&self) -> MutexGuard<'_, BTreeMap<u64, Cleanup>> {
        self.cleanups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
