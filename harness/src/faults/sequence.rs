//! A fault that is a sequence of steps, one after the other, on a thread of its own.

use super::{FaultError, Injection};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// One step: takes something away, waits until it is back, and says what was seen. Once the flag is up, it hurries.
pub type Step = Box<dyn FnOnce(&AtomicBool) -> Result<String, FaultError> + Send>;

/// Steps under way. Healed before its end, it finishes the step in hand and begins no other.
pub struct Sequence {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), FaultError>>>,
    steps: usize,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    over: AtomicBool,
    seen: Mutex<Vec<String>>,
}

/// # Errors
/// When no thread can be had.
pub fn start(name: &str, steps: Vec<Step>) -> Result<Sequence, FaultError> {
    let shared = Arc::new(Shared::default());
    let count = steps.len();
    let mine = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name(name.to_owned());
    let thread = thread.spawn(move || {
        // Also when a step panics.
        let _over = Over(&mine.over);
        for step in steps {
            if mine.stop.load(Ordering::Acquire) {
                break;
            }
            let seen = step(&mine.stop)?;
            mine.lock().push(seen);
        }
        Ok(())
    });
    Ok(Sequence {
        shared,
        steps: count,
        thread: Some(thread.map_err(|error| FaultError::Sequence {
            why: format!("no thread can be had: {error}"),
        })?),
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Injection for Sequence {
    /// Only all steps together are the fault.
    fn bite(&self) -> Option<String> {
        let seen = self.shared.lock();
        (self.steps > 0 && seen.len() == self.steps).then(|| seen.join("; "))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_else(|_| {
                Err(FaultError::Sequence {
                    why: "its thread panicked".to_owned(),
                })
            })?;
        }
        let done = self.shared.lock().len();
        Ok(format!("{done} of {} steps were done", self.steps))
    }

    fn restarted(&self) -> Option<String> {
        self.bite()
    }

    fn is_over(&self) -> Option<bool> {
        Some(self.shared.over.load(Ordering::Acquire))
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn step(said: &'static str) -> Step {
        Box::new(move |_| Ok(said.to_owned()))
    }

    #[test]
    fn all_steps_in_order_are_the_fault() {
        let mut sequence = start("test", vec![step("one"), step("two")]).unwrap();
        while sequence.is_over() != Some(true) {
            std::thread::yield_now();
        }
        assert_eq!(sequence.bite().unwrap(), "one; two");
        assert_eq!(sequence.heal().unwrap(), "2 of 2 steps were done");
    }

    #[test]
    fn healed_in_a_step_it_finishes_it_begins_no_other_and_has_not_bitten() {
        let (begun, begins) = mpsc::channel();
        let (go, goes) = mpsc::channel::<()>();
        let first: Step = Box::new(move |_| {
            let _ = begun.send(());
            let _ = goes.recv();
            Ok("one".to_owned())
        });
        let mut sequence = start("test", vec![first, step("two")]).unwrap();
        begins.recv().unwrap();
        sequence.shared.stop.store(true, Ordering::Release);
        drop(go);
        assert_eq!(sequence.heal().unwrap(), "1 of 2 steps were done");
        assert_eq!((sequence.bite(), sequence.restarted()), (None, None));
    }

    #[test]
    fn a_step_that_fails_ends_it_and_is_told() {
        let broken: Step = Box::new(|_| {
            Err(FaultError::Sequence {
                why: "no".to_owned(),
            })
        });
        let mut sequence = start("test", vec![broken, step("two")]).unwrap();
        while sequence.is_over() != Some(true) {
            std::thread::yield_now();
        }
        assert!(sequence.heal().is_err());
        assert_eq!(sequence.bite(), None);
    }
}
