//! One seed: plan, simulation, verdict, all in memory.

use crate::cli::problems;
use crate::exit::{Exit, Failure};
use crate::verdict::{Witness, repeat_command};
use squall_check::{Judgement, Standing, Verdict};
use squall_history::{Event, FaultState, What};
use squall_plan::plan::Environment;
use squall_plan::{Plan, Scenario};
use squall_sim::{Detail, SimOutcome};
use std::collections::BTreeMap;

/// What was seen of a seed.
#[derive(Debug)]
pub struct Seen {
    pub seed: u64,
    pub judgement: Judgement,
    pub outcome: SimOutcome,
    /// Facts of the cluster by kind.
    pub facts: BTreeMap<String, u64>,
    /// For every fault of the plan: whether it bit.
    pub bit: BTreeMap<String, bool>,
    /// The command that runs this seed in full.
    pub repeat: String,
}

impl Seen {
    pub fn violated(&self) -> bool {
        self.judgement.verdict == Verdict::Violated
    }

    /// Names and sinks of what violates an expectation: anomalies, and limits that were missed.
    pub fn violations(&self) -> Vec<String> {
        let anomalies = self.judgement.anomalies.iter();
        let anomalies = anomalies
            .filter(|anomaly| anomaly.standing == Standing::Violation)
            .map(|anomaly| format!("{} in {}", anomaly.name.name(), anomaly.sink));
        let limits = self.judgement.thresholds.iter();
        let limits = limits
            .filter(|limit| !limit.ok && limit.observed.is_some())
            .map(|limit| format!("{} {}", limit.key, limit.expression));
        anomalies.chain(limits).collect()
    }
}

/// Runs and judges one seed.
pub fn run(scenario: &Scenario, seed: u64) -> Result<Seen, Failure> {
    let plan = Plan::derive(scenario, seed, Environment::Sim).map_err(problems)?;
    let mut witness = Witness::default();
    let mut facts: BTreeMap<String, u64> = BTreeMap::new();
    let faults = plan.faults.iter();
    let mut bit: BTreeMap<String, bool> = faults.map(|fault| (fault.name.clone(), false)).collect();
    let mut sink = |event: Event| {
        if let Event::Note(note) = &event {
            match &note.what {
                What::Fact(fact) => *facts.entry(fact.kind.clone()).or_default() += 1,
                What::Fault {
                    name,
                    state: FaultState::Evidence,
                    detail,
                } if detail.starts_with("bit:") => {
                    bit.insert(name.clone(), true);
                }
                _ => {}
            }
        }
        witness.event(event);
    };
    let outcome = squall_sim::run_with(&plan, Detail::Verdict, &mut sink).map_err(|error| {
        let message = format!("the simulation of seed {seed}: {error}");
        Failure::new(Exit::Environment, message)
    })?;
    Ok(Seen {
        seed,
        judgement: witness.judge(&plan)?,
        outcome,
        facts,
        bit,
        repeat: repeat_command(&plan),
    })
}
