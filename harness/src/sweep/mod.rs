//! Many seeds of one scenario in virtual time, on all cores, in memory that does not grow with their number.
//!
//! Workers take seeds in ascending order and each keeps a tally of its own; the tallies add up at the end. After a violation no
//! new seed begins, but those under way end: every seed below a violated one has then been judged, so that the first violation
//! that is told does not depend on the number of workers.

mod progress;
mod seed;
mod tally;
#[cfg(test)]
mod tests;
mod text;

pub use tally::{Found, Tally};

use crate::exit::{Exit, Failure};
use progress::Progress;
use squall_plan::Scenario;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// What is to be swept.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    pub scenario: &'a Scenario,
    pub first_seed: u64,
    pub seeds: u64,
    /// Go on after a violation.
    pub keep_going: bool,
    /// Threads at most.
    pub workers: usize,
    /// Whether to show a line of progress on the error output.
    pub progress: bool,
}

/// What the workers share.
struct Shared {
    next: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
}

/// Runs a sweep.
///
/// # Errors
/// A seed that could not be simulated at all; the seed is named.
pub fn run(sweep: &Sweep<'_>) -> Result<Found, Failure> {
    let started = Instant::now();
    let shared = Shared {
        next: AtomicU64::new(0),
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    };
    let results = thread::scope(|scope| {
        let workers: Vec<_> = (0..sweep.workers.max(1))
            .map(|_| scope.spawn(|| work(sweep, &shared)))
            .collect();
        let mut progress = sweep.progress.then(|| Progress::new(sweep.seeds, started));
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            if let Some(progress) = &mut progress {
                progress.show(shared.done.load(Ordering::Relaxed));
            }
            thread::park_timeout(progress::EVERY);
        }
        let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join();
        workers.into_iter().map(join).collect::<Vec<_>>()
    });
    let mut total = Tally::default();
    for result in results {
        let tally = result.map_err(|_| Failure::defect("a worker of the sweep panicked"))??;
        total.add(tally);
    }
    Ok(Found {
        tally: total,
        seconds: started.elapsed().as_secs_f64(),
        wanted: sweep.seeds,
    })
}

fn work(sweep: &Sweep<'_>, shared: &Shared) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while !shared.stop.load(Ordering::SeqCst) {
        let index = shared.next.fetch_add(1, Ordering::SeqCst);
        if index >= sweep.seeds {
            break;
        }
        let seed = sweep.first_seed.saturating_add(index);
        let ran = catch_unwind(AssertUnwindSafe(|| seed::run(sweep.scenario, seed)));
        let ran = ran.unwrap_or_else(|_| {
            Err(Failure::new(
                Exit::Defect,
                format!("the simulator panicked with seed {seed}"),
            ))
        });
        match ran {
            Ok(seen) => {
                if seen.violated() && !sweep.keep_going {
                    shared.stop.store(true, Ordering::SeqCst);
                }
                tally.seed(&seen);
            }
            Err(failure) => {
                shared.stop.store(true, Ordering::SeqCst);
                return Err(failure);
            }
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(tally)
}
