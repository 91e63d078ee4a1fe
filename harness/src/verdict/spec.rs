//! What a run is judged by: from the plan, and from when the faults really began and ended.

use super::survey::Survey;
use crate::exit::Failure;
use squall_check::{
    Expected, FaultSpan, InvariantSpec, JudgeSpec, LoadSpec, PhaseWindow, Reading, Semantics,
    SinkSpec, Threshold,
};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{DeadLetters, Outcome};
use squall_plan::system::{self, SinkStore};

/// Derives the spec.
pub fn derive(plan: &Plan, survey: &Survey) -> Result<JudgeSpec, Failure> {
    let epoch = survey.load_epoch_ns.unwrap_or(0);
    let faults = fault_spans(plan, survey);
    Ok(JudgeSpec {
        loads: plan
            .loads
            .iter()
            .map(|planned| LoadSpec {
                name: planned.load.name.clone(),
                events: planned.events,
            })
            .collect(),
        probe_stream: Some(plan.probe_stream()),
        sinks: (0..plan.system.spec.sinks.len())
            .map(|index| sink(plan, index))
            .collect(),
        phases: phases(epoch + plan.load_starts_ns, &faults),
        faults,
        measure_from_ns: epoch + plan.load_starts_ns,
        thresholds: thresholds(plan)?,
        invariants: invariants(plan),
        ..JudgeSpec::default()
    })
}

/// One that does not parse must not vanish: a limit that nobody checks is no limit.
fn thresholds(plan: &Plan) -> Result<Vec<Threshold>, Failure> {
    let parse = |limit: &squall_plan::scenario::Threshold| {
        let threshold = Threshold::parse(&limit.metric, &limit.expression).map_err(|error| {
            Failure::bad_input(format!(
                "the stored plan has the threshold {}: {error}",
                limit.metric
            ))
        });
        threshold.map(|threshold| threshold.weighing(limit.stakes.weight(plan.environment)))
    };
    let errors = plan
        .expect
        .http_error_rate_max
        .map(|max| squall_plan::scenario::Threshold {
            metric: "http_error_rate".to_owned(),
            expression: format!("rate<={max}"),
            stakes: squall_plan::scenario::Stakes::default(),
        });
    plan.expect
        .thresholds
        .iter()
        .chain(&errors)
        .map(parse)
        .collect()
}

fn invariants(plan: &Plan) -> Vec<InvariantSpec> {
    let all = plan.expect.invariants.iter();
    all.map(|invariant| InvariantSpec {
        name: invariant.name.clone(),
        weight: invariant.stakes.weight(plan.environment),
    })
    .collect()
}

fn sink(plan: &Plan, index: usize) -> SinkSpec {
    let spec = &plan.system.spec.sinks[index];
    let expectation = &plan.expect.sinks[index];
    let reading = match spec.store {
        // The simulator looks into the logs again at the end: what was there and was cut away later is lost.
        SinkStore::Topic { .. } if plan.environment == Environment::Sim => Reading::Reread,
        SinkStore::Topic { .. } => Reading::Tail,
        SinkStore::Directory { .. }
        | SinkStore::Sqlite { .. }
        | SinkStore::Postgres { .. }
        | SinkStore::Mails(_) => Reading::Reread,
    };
    SinkSpec {
        ordered: expectation.ordered,
        dead_letters_allowed: plan.expect.dead_letters == DeadLetters::Allowed,
        expects: plan
            .loads
            .iter()
            .map(|planned| expected(planned.load.outcomes[index]))
            .collect(),
        ..SinkSpec::new(&spec.name, semantics(expectation.semantics), reading)
    }
}

const fn expected(outcome: Outcome) -> Expected {
    match outcome {
        Outcome::Effect => Expected::Effect,
        Outcome::DeadLetter => Expected::DeadLetter,
        Outcome::Nothing => Expected::Nothing,
    }
}

const fn semantics(semantics: system::Semantics) -> Semantics {
    match semantics {
        system::Semantics::AtMostOnce => Semantics::AtMostOnce,
        system::Semantics::AtLeastOnce => Semantics::AtLeastOnce,
        system::Semantics::ExactlyOnce => Semantics::ExactlyOnce,
    }
}

fn fault_spans(plan: &Plan, survey: &Survey) -> Vec<FaultSpan> {
    let span = |fault: &squall_plan::fault::Fault| {
        let seen = survey.faults.get(&fault.name);
        let planned = survey.load_epoch_ns.unwrap_or(0) + fault.at_ns;
        let from_ns = seen.and_then(|seen| seen.injected_ns).unwrap_or(planned);
        let until_ns = seen
            .and_then(|seen| seen.healed_ns)
            .unwrap_or(survey.end_ns)
            .max(from_ns);
        FaultSpan {
            name: fault.name.clone(),
            from_ns,
            until_ns,
        }
    };
    plan.faults.iter().map(span).collect()
}

/// `before`, `during` and `after` the faults. Without faults there is no such phase, and a threshold on one is never measured.
fn phases(load_starts_ns: u64, faults: &[FaultSpan]) -> Vec<PhaseWindow> {
    let (Some(first), Some(last)) = (
        faults.iter().map(|fault| fault.from_ns).min(),
        faults.iter().map(|fault| fault.until_ns).max(),
    ) else {
        return Vec::new();
    };
    let window = |name: &str, from_ns, until_ns| PhaseWindow {
        name: name.to_owned(),
        from_ns,
        until_ns,
    };
    let mut phases = vec![
        window("before", load_starts_ns, first),
        window("after", last, u64::MAX),
    ];
    phases.extend(
        faults
            .iter()
            .map(|fault| window("during", fault.from_ns, fault.until_ns)),
    );
    phases
}
