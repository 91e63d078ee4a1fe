//! One seed: plan, simulation, verdict, all in memory.

use crate::cli::problems;
use crate::exit::Failure;
use crate::verdict::{Witness, repeat_command};
use squall_check::{Judgement, Verdict};
use squall_history::{Event, Fact, FaultState, InSync, What};
use squall_plan::fault::Fault;
use squall_plan::plan::Environment;
use squall_plan::{Plan, Scenario};
use squall_sim::{Detail, SimOutcome};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a seed.
#[derive(Debug)]
pub struct Seen {
    pub seed: u64,
    pub judgement: Judgement,
    pub outcome: SimOutcome,
    /// Facts of the cluster by kind.
    pub facts: BTreeMap<String, u64>,
    /// For every fault of the plan (for every kind of those that were drawn): whether it bit.
    pub bit: BTreeMap<String, bool>,
    /// Pairs of kinds of faults that were in force at once.
    pub overlaps: BTreeMap<String, u64>,
    /// Kinds of faults of the plan.
    pub kinds: BTreeSet<&'static str>,
    /// The command that runs this seed in full.
    pub repeat: String,
}

impl Seen {
    pub fn violated(&self) -> bool {
        self.judgement.verdict == Verdict::Violated
    }

    /// Names and sinks of what violates an expectation: anomalies, and limits that were missed.
    pub fn violations(&self) -> Vec<String> {
        let anomalies = self.judgement.violations();
        let anomalies =
            anomalies.map(|anomaly| format!("{} in {}", anomaly.name.name(), anomaly.sink));
        let limits = self.judgement.thresholds.iter();
        let limits = limits
            .filter(|limit| !limit.ok && limit.observed.is_some())
            .map(|limit| format!("{} {}", limit.key, limit.expression));
        anomalies.chain(limits).collect()
    }
}

/// Runs a plan in virtual time; `hear` hears all that the witness does.
///
/// # Errors
/// What cannot be simulated.
pub(crate) fn witnessed(
    plan: &Plan,
    detail: Detail,
    mut hear: impl FnMut(&Event),
) -> Result<(Witness, SimOutcome), Failure> {
    let mut witness = Witness::default();
    let mut sink = |event: Event| {
        hear(&event);
        witness.event(event);
    };
    let outcome = squall_sim::run_with(plan, detail, &mut sink).map_err(|error| {
        Failure::environment(format!("the simulation of seed {}: {error}", plan.seed))
    })?;
    Ok((witness, outcome))
}

/// The plan of one seed of a sweep.
///
/// # Errors
/// What cannot be simulated.
pub(crate) fn plan(scenario: &Scenario, seed: u64) -> Result<Plan, Failure> {
    Plan::derive(&scenario.jittered(seed), seed, Environment::Sim).map_err(problems)
}

/// Runs and judges one seed.
pub fn run(scenario: &Scenario, seed: u64) -> Result<Seen, Failure> {
    let plan = plan(scenario, seed)?;
    let mut facts: BTreeMap<String, u64> = BTreeMap::new();
    // Drawn faults have other names in every seed; together they are told by their kind.
    let label = |fault: &Fault| match fault.drawn {
        true => format!("random {}", fault.kind.name()),
        false => fault.name.clone(),
    };
    let faults = plan.faults.iter();
    let labels: BTreeMap<&str, String> = faults.map(|f| (f.name.as_str(), label(f))).collect();
    let mut bit: BTreeMap<String, bool> = labels.values().map(|l| (l.clone(), false)).collect();
    let hear = |event: &Event| {
        let Event::Note(note) = event else {
            return;
        };
        match &note.what {
            What::Fact(fact) => *facts.entry(kind_of(fact)).or_default() += 1,
            What::Fault {
                name,
                state: FaultState::Evidence,
                detail,
            } if detail.starts_with("bit:") => {
                if let Some(label) = labels.get(name.as_str()) {
                    bit.insert(label.clone(), true);
                }
            }
            _ => {}
        }
    };
    let (witness, outcome) = witnessed(&plan, Detail::Verdict, hear)?;
    Ok(Seen {
        seed,
        judgement: witness.judge(&plan)?,
        outcome,
        facts,
        bit,
        overlaps: overlaps(&plan),
        kinds: plan.faults.iter().map(|fault| fault.kind.name()).collect(),
        repeat: repeat_command(&plan),
    })
}

/// Changes of an in-sync set are told apart by their direction.
fn kind_of(fact: &Fact) -> String {
    match fact.in_sync.as_ref().map(InSync::shrank) {
        Some(true) => "isr-shrunk".to_owned(),
        Some(false) => "isr-grown".to_owned(),
        None => fact.kind.clone(),
    }
}

/// Kinds of faults of the plan that were in force at the same time, each pair once and in order.
fn overlaps(plan: &Plan) -> BTreeMap<String, u64> {
    let mut pairs: BTreeMap<String, u64> = BTreeMap::new();
    for (index, one) in plan.faults.iter().enumerate() {
        let ends = one.at_ns + one.for_ns.unwrap_or(0);
        let later = plan.faults.iter().skip(index + 1);
        for other in later.take_while(|other| other.at_ns <= ends) {
            let mut kinds = [one.kind.name(), other.kind.name()];
            kinds.sort_unstable();
            *pairs.entry(kinds.join("+")).or_default() += 1;
        }
    }
    pairs
}
