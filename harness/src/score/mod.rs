//! `squall score`: mutation testing for scenarios. What a scenario does not notice in a lie, it will not notice in a defect either.
//!
//! - Lies of the **entry** and of **sinks** change what held runs have observed, which is all that they can change: a proxy that
//!   acknowledges an event and drops it leaves a run in which nobody ever sees the event again, and a store that forgets an effect
//!   leaves one in which the final read does not find it. Each is one event, or one in twenty that are late.
//! - Lies of **brokers** and bugs of the **system** are told while it runs, for others react to them: a coordinator that forgets
//!   commits rewinds its consumers, and what then comes of it is the system's doing.

mod altered;
mod cure;
#[cfg(test)]
mod tests;
mod text;

use crate::bugs::{set_bug, set_defect};
use crate::cli::{PlanChoice, problems};
use crate::exit::{Exit, Failure};
use crate::parallel::in_parallel;
use crate::sweep::{run_seed, witnessed};
use crate::verdict::Witness;
use altered::{ALTERATIONS, Alteration, Scene, Teller};
use cure::Cure;
use squall_check::{Judgement, Op, Verdict};
use squall_model::kafka::Defects;
use squall_plan::plan::Environment;
use squall_plan::{Plan, Scenario};
use std::collections::BTreeSet;
use std::path::Path;

/// What a scenario is scored with.
#[derive(Clone, Copy, Debug)]
pub struct Scoring {
    /// Runs that are altered; those that were not held are left out.
    pub runs: u64,
    /// Seeds for each lie that is told while it runs.
    pub seeds: u64,
}

/// One lie, and what the scenario made of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lie {
    pub teller: Teller,
    pub name: String,
    /// The sink that lies.
    pub sink: Option<String>,
    /// Runs in which it was told; none: there was no occasion.
    pub told: u64,
    /// Those of them that were violated.
    pub caught: u64,
    /// Names of what the first of them showed.
    pub by: Vec<String>,
    /// What would catch it.
    pub cure: Cure,
}

/// Every lie with what became of it.
#[derive(Clone, Debug)]
pub struct Score {
    pub scenario: String,
    /// Runs that were held, and altered.
    held: u64,
    pub lies: Vec<Lie>,
}

impl Score {
    #[must_use]
    pub fn told(&self) -> u64 {
        self.lies.iter().filter(|lie| lie.told > 0).count() as u64
    }

    #[must_use]
    pub fn caught(&self) -> u64 {
        self.lies.iter().filter(|lie| lie.caught > 0).count() as u64
    }

    /// In percent of the lies that could be told, rounded down.
    #[must_use]
    pub fn percent(&self) -> u64 {
        (100 * self.caught()).checked_div(self.told()).unwrap_or(0)
    }
}

/// Scores the scenario of a file.
///
/// # Errors
/// Bad input, and a scenario that is not held without any lie: whatever it catches says nothing.
pub fn score(file: &Path, choice: &PlanChoice, scoring: Scoring) -> Result<Score, Failure> {
    let scenario = choice.swept(file)?;
    let (mut lies, held) = of_observers(&scenario, scoring.runs)?;
    for (teller, name) in told_in_runs(&scenario) {
        lies.push(in_a_run(file, choice, teller, &name, scoring.seeds)?);
    }
    Ok(Score {
        scenario: scenario.name,
        held,
        lies,
    })
}

/// A run in memory, as it was observed.
struct Observed {
    plan: Plan,
    witness: Witness,
}

/// Runs the scenario, and alters what was seen.
fn of_observers(scenario: &Scenario, runs: u64) -> Result<(Vec<Lie>, u64), Failure> {
    let observed: Vec<Option<Observed>> = in_parallel(runs, |seed| observe(scenario, seed))?;
    let observed: Vec<Observed> = observed.into_iter().flatten().collect();
    let Some(first) = observed.first() else {
        return Err(Failure::new(
            Exit::Inconclusive,
            format!(
                "none of {runs} runs of {} was held without any lie",
                scenario.name
            ),
        )
        .hint("squall sim FILE says why they are inconclusive"));
    };
    let sinks = &first.witness.spec(&first.plan)?.sinks;
    let mut lies = Vec::new();
    for alteration in ALTERATIONS {
        match alteration.teller {
            Teller::Sink => {
                for (place, sink) in sinks.iter().enumerate() {
                    lies.push(altered(alteration, &observed, place, Some(&sink.name))?);
                }
            }
            _ => lies.push(altered(alteration, &observed, 0, None)?),
        }
    }
    Ok((lies, observed.len() as u64))
}

/// `None`: the run proves nothing as it is.
fn observe(scenario: &Scenario, seed: u64) -> Result<Option<Observed>, Failure> {
    let plan = Plan::derive(scenario, seed, Environment::Sim).map_err(problems)?;
    let (witness, _) = witnessed(&plan, squall_sim::Detail::Verdict, |_| {})?;
    match witness.judge(&plan)?.verdict {
        Verdict::Held => Ok(Some(Observed { plan, witness })),
        Verdict::Inconclusive => Ok(None),
        Verdict::Violated => Err(Failure::new(
            Exit::Violated,
            format!(
                "{} is violated with seed {seed}, without any lie",
                scenario.name
            ),
        )
        .hint("a scenario is scored that the system keeps; mend it, or choose another variant")),
    }
}

fn altered(
    alteration: &Alteration,
    observed: &[Observed],
    place: usize,
    sink: Option<&str>,
) -> Result<Lie, Failure> {
    let cure = Cure::of_alteration(alteration.name, sink);
    let mut lie = Lie::new(alteration.teller, alteration.name, sink, cure);
    for Observed { plan, witness } in observed {
        let spec = witness.spec(plan)?;
        let ops: Vec<Op> = witness.ops().copied().collect();
        let scene = Scene::new(&ops, &spec.sinks, place, plan.seed);
        if let Some(ops) = (alteration.alter)(&scene) {
            lie.note(&witness.judge_as(plan, [&ops[..]])?);
        }
    }
    Ok(lie)
}

/// The lies that the scenario's brokers and the bugs that its system can be given.
fn told_in_runs(scenario: &Scenario) -> Vec<(Teller, String)> {
    let brokers = Defects::NAMES
        .iter()
        .map(|name| (Teller::Broker, (*name).to_owned()));
    let services = scenario.system.spec.services.iter();
    // Services that share a bug have it together.
    let bugs: BTreeSet<&String> = services
        .flat_map(|service| &service.bugs)
        .map(|bug| &bug.name)
        .collect();
    let bugs = bugs.into_iter().map(|name| (Teller::System, name.clone()));
    brokers.chain(bugs).collect()
}

fn in_a_run(
    file: &Path,
    choice: &PlanChoice,
    teller: Teller,
    name: &str,
    seeds: u64,
) -> Result<Lie, Failure> {
    let set = match teller {
        Teller::Broker => set_defect(name),
        _ => set_bug(name),
    };
    let mut choice = choice.clone();
    choice.set.push(set);
    let scenario = choice.swept(file)?;
    let judgements = in_parallel(seeds, |seed| Ok(run_seed(&scenario, seed)?.judgement))?;
    let mut lie = Lie::new(teller, name, None, Cure::of_a_run(teller, name));
    for judgement in &judgements {
        lie.note(judgement);
    }
    Ok(lie)
}

impl Lie {
    /// One that was not told yet.
    fn new(teller: Teller, name: &str, sink: Option<&str>, cure: Cure) -> Self {
        Self {
            teller,
            name: name.to_owned(),
            sink: sink.map(str::to_owned),
            told: 0,
            caught: 0,
            by: Vec::new(),
            cure,
        }
    }

    /// Counts a run in which it was told.
    fn note(&mut self, judgement: &Judgement) {
        self.told += 1;
        if judgement.verdict != Verdict::Violated {
            return;
        }
        self.caught += 1;
        if self.by.is_empty() {
            let anomalies = judgement.violations();
            let limits = judgement.thresholds.iter().filter(|limit| !limit.ok);
            self.by = anomalies
                .map(|one| one.name.name().to_owned())
                .chain(limits.map(|limit| limit.key.clone()))
                .collect();
            self.by.dedup();
        }
    }
}
