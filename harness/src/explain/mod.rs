//! What can a configuration lose? The stock scenarios are swept with it; what is found is told with a counterexample, and with the
//! smallest change of settings with which the same seeds, and fresh ones, do not show it any more. Not found is not impossible.

mod settings;
#[cfg(test)]
mod tests;

pub use settings::{Setting, Settings};

use crate::bugs::{draw, stock};
use crate::cli::problems;
use crate::exit::Failure;
use crate::parallel::in_parallel;
use crate::sweep::{run_seed, witnessed};
use squall_check::{AnomalyName, Judgement};
use squall_plan::plan::Environment;
use squall_plan::{Plan, Scenario};
use squall_render::report::Story;
use squall_sim::Detail;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Seeds that showed an anomaly and are tried again with a change, and fresh seeds that must not show it either.
const AGAIN: usize = 6;
const FRESH: u64 = 40;
/// The first of the fresh seeds' steps.
const FRESH_FROM: u64 = 500_000;

/// What was found of one kind.
#[derive(Debug)]
pub struct Found {
    pub name: &'static str,
    /// Seeds that showed it.
    pub seeds: u64,
    /// Steps of the first ones, by scenario and seed: the lowest of all.
    steps: Vec<u64>,
    pub repeat: String,
    pub story: Story,
    /// The changes that close it; `None`: none of those that were tried does.
    pub closed_by: Option<Vec<Setting>>,
}

/// What a sweep of the stock scenarios came to.
#[derive(Debug)]
pub struct Explained {
    pub seeds: u64,
    pub found: Vec<Found>,
    /// Whether the time sufficed for all changes that were worth trying.
    pub tried_all: bool,
    pub seconds: f64,
}

/// Losses are one kind, whether something later was seen or not.
const fn alike(name: AnomalyName) -> &'static str {
    match name {
        AnomalyName::Unseen | AnomalyName::LostWrite => "lost-write",
        other => other.name(),
    }
}

fn anomalies(judgement: &Judgement) -> Vec<&'static str> {
    judgement.violations().map(|one| alike(one.name)).collect()
}

/// Sweeps up to so many seeds within a time, then looks for what closes what was found.
///
/// # Errors
/// A setting that cannot be used, or a seed that could not be simulated.
pub fn explain(
    settings: &Settings,
    seeds_max: u64,
    within: Duration,
) -> Result<Explained, Failure> {
    let began = Instant::now();
    let scenarios = stock::scenarios(&settings.sets(&[]), None)?;
    let sweep_until = within.mul_f64(0.5);
    let judged = in_parallel(seeds_max, |step| {
        if began.elapsed() > sweep_until {
            return Ok(None);
        }
        let Some((scenario, seed)) = draw(&scenarios, 0, step) else {
            return Ok(None);
        };
        let seen = run_seed(scenario, seed)?;
        let names = match seen.violated() {
            true => anomalies(&seen.judgement),
            false => Vec::new(),
        };
        Ok(Some((step, names, seen.repeat)))
    })?;
    let mut seeds = 0;
    let mut kinds: BTreeMap<&'static str, (u64, Vec<u64>, String)> = BTreeMap::new();
    for (step, mut names, repeat) in judged.into_iter().flatten() {
        seeds += 1;
        names.sort_unstable();
        names.dedup();
        for name in names {
            let kind = kinds.entry(name).or_insert((0, Vec::new(), repeat.clone()));
            kind.0 += 1;
            if kind.1.len() < AGAIN {
                kind.1.push(step);
            }
        }
    }
    let mut found = Vec::new();
    for (name, (count, steps, repeat)) in kinds {
        let first = steps.first().copied().unwrap_or(0);
        let story = counterexample(&scenarios, first, name)?;
        found.push(Found {
            name,
            seeds: count,
            steps,
            repeat,
            story,
            closed_by: None,
        });
    }
    found.sort_by_key(|found| found.steps.first().copied());
    let tried_all = close(settings, &mut found, (began, within))?;
    Ok(Explained {
        seeds,
        found,
        tried_all,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Tries changes, one setting and then two: the first with which neither the seeds that showed an anomaly nor fresh ones show it closes
/// it. False: the time was over before all were tried.
fn close(
    settings: &Settings,
    found: &mut [Found],
    (began, within): (Instant, Duration),
) -> Result<bool, Failure> {
    let single = settings.changes();
    let pairs = single.iter().enumerate().flat_map(|(index, one)| {
        let later = single.iter().skip(index + 1);
        later.map(move |other| vec![one.clone(), other.clone()])
    });
    let candidates = single.iter().map(|one| vec![one.clone()]).chain(pairs);
    for changes in candidates.collect::<Vec<_>>() {
        let open: Vec<u64> = found
            .iter()
            .filter(|found| found.closed_by.is_none())
            .flat_map(|found| found.steps.clone())
            .collect();
        if open.is_empty() {
            break;
        }
        if began.elapsed() > within {
            return Ok(false);
        }
        // A combination that no client takes closes nothing.
        let Ok(scenarios) = stock::scenarios(&settings.sets(&changes), None) else {
            continue;
        };
        let fresh = (0..FRESH).map(|step| FRESH_FROM + step);
        let steps: BTreeSet<u64> = open.into_iter().chain(fresh).collect();
        let Some(shown) = shown(&scenarios, &steps.into_iter().collect::<Vec<_>>()) else {
            continue;
        };
        for found in found.iter_mut().filter(|found| found.closed_by.is_none()) {
            if !shown.contains(found.name) {
                found.closed_by = Some(changes.clone());
            }
        }
    }
    Ok(true)
}

/// What these seeds show. `None`: one of them cannot be simulated, as where a client refuses its settings.
fn shown(scenarios: &[Scenario], steps: &[u64]) -> Option<BTreeSet<&'static str>> {
    let names = in_parallel(steps.len() as u64, |index| {
        let step = usize::try_from(index)
            .ok()
            .and_then(|index| steps.get(index));
        let Some((scenario, seed)) = step.and_then(|step| draw(scenarios, 0, *step)) else {
            return Ok(Vec::new());
        };
        let seen = run_seed(scenario, seed)?;
        Ok(match seen.violated() {
            true => anomalies(&seen.judgement),
            false => Vec::new(),
        })
    });
    Some(names.ok()?.into_iter().flatten().collect())
}

/// The way of the first event that a seed shows as this anomaly.
fn counterexample(scenarios: &[Scenario], step: u64, name: &str) -> Result<Story, Failure> {
    let none = || Failure::defect("a seed that was violated has no counterexample");
    let (scenario, seed) = draw(scenarios, 0, step).ok_or_else(none)?;
    let plan = Plan::derive(scenario, seed, Environment::Sim).map_err(problems)?;
    let (witness, _) = witnessed(&plan, Detail::Full, |_| {})?;
    let judgement = witness.judge(&plan)?;
    let anomaly = judgement
        .violations()
        .find(|one| alike(one.name) == name)
        .ok_or_else(none)?;
    let sinks = plan.system.spec.sinks.iter();
    let sink = sinks
        .map(|sink| &sink.name)
        .position(|known| *known == anomaly.sink);
    let event = anomaly.examples.first().map(|example| example.event);
    Ok(witness.story(&plan, event.ok_or_else(none)?, sink.unwrap_or(0)))
}
