//! Ctrl-C. The first asks for an orderly end: heal, drain, report. The second ends at once: what was registered with
//! [`Interrupt::at_second`] runs, then the process exits with [`EXIT_AT_ONCE`]. Where a terminal hands Ctrl-C over as a key,
//! [`Interrupt::press`] is the signal.
//!
//! SIGTERM and SIGHUP (a terminal that closes) count as Ctrl-C.

use crate::exit::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Exit code after a second Ctrl-C: what shells report for a process that SIGINT ended.
pub const EXIT_AT_ONCE: i32 = 130;

type Call = Box<dyn FnOnce() + Send>;

/// A handle to the process's Ctrl-C; clones are the same one.
#[derive(Clone)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requested: AtomicBool,
    first: Calls,
    second: Calls,
    lock: Mutex<()>,
    changed: Condvar,
}

/// What is to run at a moment, by the order of registration.
type Calls = Mutex<BTreeMap<u64, Call>>;

/// What is to run at a Ctrl-C, for as long as this lives.
#[must_use = "dropping it takes the call back"]
pub struct Registered {
    shared: Arc<Shared>,
    calls: fn(&Shared) -> &Calls,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Let go outside of the lock: what it holds may take back calls of its own.
        let call = lock((self.calls)(&self.shared)).remove(&self.number);
        drop(call);
    }
}

impl Interrupt {
    /// The process's one: listens, on a thread of its own, from the first call on. A Ctrl-C holds for all runs that
    /// are still to come, too.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen() -> Result<Self, Failure> {
        static LISTENING: Mutex<Option<Interrupt>> = Mutex::new(None);
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interrupt) = &*listening {
            return Ok(interrupt.clone());
        }
        let interrupt = Self::detached();
        let cannot =
            |error: io::Error| Failure::environment(format!("cannot listen for Ctrl-C: {error}"));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(cannot)?;
        let heard = interrupt.clone();
        std::thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    heard.press();
                }
            })
            .map_err(cannot)?;
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

    /// A Ctrl-C: the first asks for an orderly end, one more ends at once and does not return.
    pub fn press(&self) {
        if self.is_requested() {
            self.end_at_once();
        }
        self.request();
    }

    /// Asks for an orderly end, as the first Ctrl-C does.
    pub fn request(&self) {
        if !self.shared.requested.swap(true, Ordering::SeqCst) {
            take(&self.shared.first)
                .into_values()
                .for_each(|call| call());
        }
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

    /// Runs when an orderly end is asked for, on the thread that asks. Must not wait for long.
    pub fn at_first<T>(&self, call: impl FnOnce() -> T + Send + 'static) -> Registered {
        self.register(|shared| &shared.first, call)
    }

    /// Runs at a second Ctrl-C, before the process exits; the latest registered first. Must not wait for long.
    pub fn at_second<T>(&self, cleanup: impl FnOnce() -> T + Send + 'static) -> Registered {
        self.register(|shared| &shared.second, cleanup)
    }

    fn register<T>(
        &self,
        calls: fn(&Shared) -> &Calls,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Registered {
        let mut registered = lock(calls(&self.shared));
        let number = registered.last_key_value().map_or(0, |(last, _)| last + 1);
        registered.insert(number, Box::new(move || drop(call())));
        drop(registered);
        Registered {
            shared: Arc::clone(&self.shared),
            calls,
            number,
        }
    }

    fn end_at_once(&self) -> ! {
        let cleanups = take(&self.shared.second).into_values();
        cleanups.rev().for_each(|cleanup| cleanup());
        std::process::exit(EXIT_AT_ONCE)
    }
}

fn lock(calls: &Calls) -> MutexGuard<'_, BTreeMap<u64, Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(calls: &Calls) -> BTreeMap<u64, Call> {
    std::mem::take(&mut *lock(calls))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn an_orderly_end_is_told_once_and_to_those_who_still_listen() {
        let interrupt = Interrupt::detached();
        let told = Arc::new(AtomicUsize::new(0));
        let tell = |by: usize| {
            let told = Arc::clone(&told);
            move || told.fetch_add(by, Ordering::SeqCst)
        };
        let _listening = interrupt.at_first(tell(1));
        drop(interrupt.at_first(tell(10)));
        interrupt.press();
        interrupt.request();
        assert_eq!(told.load(Ordering::SeqCst), 1);
        assert!(interrupt.is_requested());
    }
}
