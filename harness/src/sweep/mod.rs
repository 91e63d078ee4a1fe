//! Many seeds of one scenario in virtual time, on all cores, in memory that does not grow with their number.
//!
//! Workers take seeds in ascending order and each keeps a tally of its own; the tallies add up at the end. After a violation no
//! new seed begins, but those under way end: every seed below a violated one has then been judged, so that the first violation
//! that is told does not depend on the number of workers.

mod progress;
mod saved;
mod seed;
mod shard;
mod tally;
#[cfg(test)]
mod tests;
mod text;

pub use saved::{Merged, merge};
pub(crate) use seed::{Seen, plan as plan_seed, run as run_seed, witnessed};
pub use shard::Shard;
pub use tally::{Found, Tally};

use crate::exit::{Exit, Failure};
use progress::Progress;
use saved::Saved;
use squall_check::Judgement;
use squall_plan::Scenario;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// What is to be swept.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    pub scenario: &'a Scenario,
    pub first_seed: u64,
    pub seeds: u64,
    /// The part of the seeds that is run here.
    pub shard: Shard,
    /// Where the state is kept, to go on from there.
    pub save: Option<&'a Path>,
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

/// Seeds between two writings of the state.
const SAVE_EVERY: u64 = 1_024;

/// Name and variant of a scenario, as the last line has them.
#[must_use]
pub fn title(scenario: &Scenario) -> String {
    squall_render::terminal::named(&scenario.name, scenario.variant.as_deref())
}

/// Runs a sweep, or what is left of it.
///
/// # Errors
/// A seed that could not be simulated at all, which is named; a state that cannot be read or written, or is of another sweep.
pub fn run(sweep: &Sweep<'_>) -> Result<Found, Failure> {
    let started = Instant::now();
    let mut state = match sweep.save {
        Some(file) => Saved::resume(file, sweep)?,
        None => Saved::new(sweep)?,
    };
    let (before, total) = (state.seconds, sweep.shard.seeds(sweep.seeds));
    let shared = Shared {
        next: AtomicU64::new(0),
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    };
    let mut progress = sweep
        .progress
        .then(|| Progress::new(total - state.done, started));
    while !state.complete {
        let until = match sweep.save {
            Some(_) => total.min(state.done + SAVE_EVERY),
            None => total,
        };
        shared.next.store(state.done, Ordering::SeqCst);
        state
            .tally
            .add(stretch(sweep, &shared, until, progress.as_mut())?);
        state.done = until;
        state.complete = until == total || shared.stop.load(Ordering::SeqCst);
        state.seconds = before + started.elapsed().as_secs_f64();
        if let Some(file) = sweep.save {
            state.write(file)?;
        }
    }
    Ok(Found {
        tally: state.tally,
        seconds: state.seconds,
        wanted: total,
    })
}

/// Runs the shard's seeds up to number `until`.
fn stretch(
    sweep: &Sweep<'_>,
    shared: &Shared,
    until: u64,
    mut progress: Option<&mut Progress>,
) -> Result<Tally, Failure> {
    let results = thread::scope(|scope| {
        let workers: Vec<_> = (0..sweep.workers.max(1))
            .map(|_| scope.spawn(|| work(sweep, shared, until)))
            .collect();
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
    Ok(total)
}

/// The judgement of one seed.
///
/// # Errors
/// When it could not be simulated.
pub fn judged(scenario: &Scenario, seed: u64) -> Result<Judgement, Failure> {
    Ok(seed::run(scenario, seed)?.judgement)
}

fn work(sweep: &Sweep<'_>, shared: &Shared, until: u64) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while !shared.stop.load(Ordering::SeqCst) {
        let index = shared.next.fetch_add(1, Ordering::SeqCst);
        if index >= until {
            break;
        }
        let seed = sweep.first_seed.saturating_add(sweep.shard.place(index));
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
