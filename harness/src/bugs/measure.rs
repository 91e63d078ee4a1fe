//! Starts of one bug, several at a time, and what they come to; and sweeps without any bug.

use super::{Hunt, PLANTED, Planted, draw, hunt, planted, shows, stock};
use crate::exit::Failure;
use crate::parallel::in_parallel;
use crate::sweep::run_seed;
use std::time::Duration;

/// What the starts of a bug came to.
#[derive(Debug)]
pub struct Measured {
    pub starts: u64,
    /// Seeds and seconds of each start that found it, ascending.
    pub seeds: Vec<u64>,
    pub seconds: Vec<f64>,
    /// The command that shows it, from the start that took the fewest seeds.
    pub repeat: Option<String>,
}

impl Measured {
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.starts - self.seeds.len() as u64
    }

    /// The smallest value that so many percent of all starts stayed within; `None`: a start that found nothing is among them.
    #[must_use]
    pub fn quantile<T: Copy>(&self, values: &[T], percent: u64) -> Option<T> {
        let rank = (self.starts * percent).div_ceil(100).max(1);
        values.get(usize::try_from(rank - 1).ok()?).copied()
    }
}

/// Looks for a bug from so many starts.
///
/// # Errors
/// A seed that could not be simulated.
pub fn measure(
    bug: &Planted,
    starts: u64,
    seeds_max: u64,
    within: Duration,
) -> Result<Measured, Failure> {
    let scenarios = planted(bug)?;
    let one = |start| hunt(bug, &scenarios, start, seeds_max, within);
    let hunts: Vec<Hunt> = in_parallel(starts, one)?;
    let mut found: Vec<_> = hunts.into_iter().filter_map(|hunt| hunt.found).collect();
    found.sort_by_key(|found| found.seeds);
    let mut seconds: Vec<f64> = found.iter().map(|found| found.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    Ok(Measured {
        starts,
        seeds: found.iter().map(|found| found.seeds).collect(),
        seconds,
        repeat: found.first().map(|found| found.repeat.clone()),
    })
}

/// Sweeps the stock scenarios without any bug; gives the alarms: what was violated or proves nothing, with the command that repeats it.
///
/// # Errors
/// A seed that could not be simulated; a canary that lives: with a bug planted in it, a seed was not violated, so that the silence of
/// the others would mean nothing.
pub fn correct(start: u64, seeds: u64) -> Result<Vec<String>, Failure> {
    canary()?;
    let scenarios = stock::scenarios(&[], None)?;
    let one = |step| {
        let Some((scenario, seed)) = draw(&scenarios, start, step) else {
            return Ok(None);
        };
        let seen = run_seed(scenario, seed)?;
        let told = match (seen.violated(), seen.judgement.reasons.first()) {
            (true, _) => seen.violations().join(", "),
            (false, Some(reason)) => format!("inconclusive ({})", reason.key),
            (false, None) => return Ok(None),
        };
        Ok(Some(format!("{told}\n          {}", seen.repeat)))
    };
    let alarms = in_parallel(seeds, one)?;
    Ok(alarms.into_iter().flatten().collect())
}

/// A bug that every sweep must find at once.
const CANARY: &str = "dedup-by-user";

fn canary() -> Result<(), Failure> {
    let broken =
        || Failure::defect("the canary lives: a planted bug was not found, the sweep is broken");
    let bug = PLANTED
        .iter()
        .find(|bug| bug.name == CANARY)
        .ok_or_else(broken)?;
    let scenarios = planted(bug)?;
    for step in 0..4 {
        if let Some((scenario, seed)) = draw(&scenarios, 0, step)
            && shows(bug, &run_seed(scenario, seed)?)
        {
            return Ok(());
        }
    }
    Err(broken())
}
