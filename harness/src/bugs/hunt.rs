//! Looking for a planted bug, seed by seed.

use super::stock;
use super::table::Planted;
use crate::exit::Failure;
use crate::sweep::{Seen, run_seed};
use squall_plan::Scenario;
use std::time::{Duration, Instant};

/// The seeds of two starts are this far apart.
const APART: u64 = 1_000_000;

/// Where a bug was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Seeds that were run, the one that showed it included.
    pub seeds: u64,
    pub seconds: f64,
    pub repeat: String,
}

/// A start's outcome.
#[derive(Clone, Debug, Default)]
pub struct Hunt {
    pub found: Option<Found>,
    /// Other violations on the way.
    pub others: u64,
}

/// The stock scenarios with a bug in them.
///
/// # Errors
/// When its switches are not understood, or no stock scenario knows it.
pub fn planted(planted: &Planted) -> Result<Vec<Scenario>, Failure> {
    let scenarios = stock::scenarios(&planted.sets(), planted.of_system())?;
    if scenarios.is_empty() {
        let message = format!("no stock scenario knows the bug {}", planted.name);
        return Err(Failure::defect(message));
    }
    Ok(scenarios)
}

/// The scenario and the seed of step `step` of a start: each scenario in turn.
#[must_use]
pub fn draw(scenarios: &[Scenario], start: u64, step: u64) -> Option<(&Scenario, u64)> {
    let count = scenarios.len().max(1) as u64;
    let scenario = scenarios.get(usize::try_from(step % count).unwrap_or(0))?;
    Some((scenario, start * APART + step))
}

/// Whether a seed shows what the bug must lead to.
#[must_use]
pub fn shows(planted: &Planted, seen: &Seen) -> bool {
    let mut violations = seen.judgement.violations();
    seen.violated() && violations.any(|one| planted.anomalies.contains(&one.name.name()))
}

/// Runs seeds on this thread until one shows the bug, there are no more, or the time is over.
///
/// # Errors
/// A seed that could not be simulated.
pub fn hunt(
    planted: &Planted,
    scenarios: &[Scenario],
    start: u64,
    seeds_max: u64,
    within: Duration,
) -> Result<Hunt, Failure> {
    let began = Instant::now();
    let mut hunt = Hunt::default();
    for step in 0..seeds_max {
        let Some((scenario, seed)) = draw(scenarios, start, step) else {
            break;
        };
        let seen = run_seed(scenario, seed)?;
        if shows(planted, &seen) {
            hunt.found = Some(Found {
                seeds: step + 1,
                seconds: began.elapsed().as_secs_f64(),
                repeat: seen.repeat,
            });
            break;
        }
        hunt.others += u64::from(seen.violated());
        if began.elapsed() >= within {
            break;
        }
    }
    Ok(hunt)
}
