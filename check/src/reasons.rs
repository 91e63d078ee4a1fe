//! Why a run proves less than it should: a sentence with what was seen, and one with what to change.

use crate::anomaly::{Anomaly, Standing};
use crate::health::{Health, Shown};
use crate::invariant::{Evaluated, InvariantResult};
use crate::judge::Judge;
use crate::judgement::{Reason, ThresholdResult};
use crate::spec::{Expected, JudgeSpec};
use crate::sweep::Swept;
use crate::wording::counted;

const DEFECT: &str = "Run again; if it happens again it is a defect in Squall or in a tap: report it with the history.";

fn reason(key: impl Into<String>, why: impl Into<String>, mend: impl Into<String>) -> Reason {
    Reason {
        key: key.into(),
        why: why.into(),
        mend: mend.into(),
    }
}

/// Where the history contradicts itself: rows are missing or come twice.
pub fn of_history(judge: &Judge, swept: &Swept) -> Vec<Reason> {
    let defects = judge.defects;
    let table = [
        (
            defects.repeated_offers,
            "offer",
            "of an event that was offered before",
        ),
        (
            defects.foreign,
            "operation",
            "of a load or a sink that the plan does not have",
        ),
        (
            defects.beyond_plan,
            "operation",
            "on an event beyond those that the plan offers",
        ),
        (swept.contradictions, "event", "both accepted and rejected"),
        (
            swept.unoffered,
            "event",
            "with an outcome that was never offered",
        ),
    ];
    table
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, what)| {
            let why = format!(
                "The history contradicts itself: {} {what}.",
                counted(count, noun)
            );
            reason("history", why, DEFECT)
        })
        .collect()
}

/// Where the run was too empty to prove anything, or some of it could not be judged.
pub fn of_run(judge: &Judge, swept: &Swept) -> Vec<Reason> {
    let spec = &judge.spec;
    let mut reasons = of_emptiness(spec, swept);
    if swept.load.unanswered > 0 {
        let why = format!(
            "No outcome is known of {}: neither accepted, rejected nor indeterminate.",
            counted(swept.load.unanswered, "offered event")
        );
        let mend = "Let the run come to its end; if it did, report it with the history.";
        reasons.push(reason("outcomes", why, mend));
    }
    if judge.defects.unmeasured > 0 && !spec.thresholds.is_empty() {
        let why = format!(
            "The latency of {} could not be measured, since too much was in flight.",
            counted(judge.defects.unmeasured, "event")
        );
        reasons.push(reason(
            "latencies",
            why,
            "Lower the rate, or leave the thresholds out.",
        ));
    }
    for (sink, state) in spec.sinks.iter().zip(&judge.sinks) {
        let undecided = state.order.as_ref().map_or(0, |order| order.undecided);
        if undecided > 0 {
            let why = format!(
                "The order of {} in {} could not be judged: no key, or too many open outcomes.",
                counted(undecided, "effect"),
                sink.name
            );
            let mend = "Give the load keys, or lower its time-out.";
            reasons.push(reason(format!("order:{}", sink.name), why, mend));
        }
    }
    reasons
}

fn of_emptiness(spec: &JudgeSpec, swept: &Swept) -> Vec<Reason> {
    if swept.load.offered == 0 {
        let mend = "Give the scenario a load with a rate above 0.";
        return vec![reason("offered", "Nothing was offered.", mend)];
    }
    let mut reasons = Vec::new();
    if spec.sinks.is_empty() {
        let mend = "Give the system a sink: a topic, a table or a directory.";
        reasons.push(reason("sinks", "There is no sink to look at.", mend));
    }
    for (load, settled) in spec.loads.iter().zip(&swept.settled_by_load) {
        if *settled == 0 && load.events > 0 {
            let why = format!("Not one event of {} was accepted.", load.name);
            let mend = "Look into the logs of the service that takes the events.";
            reasons.push(reason(format!("accepted:{}", load.name), why, mend));
        }
    }
    for (sink, found) in spec.sinks.iter().zip(&swept.sinks) {
        let expects =
            |wanted| (0..spec.loads.len()).any(|load| sink.expected(load as u16) == wanted);
        // Elsewhere it is a loss; under at-most-once it would be held without having seen a thing.
        if sink.semantics.allows_loss()
            && expects(Expected::Effect)
            && found.due > 0
            && found.effects == 0
        {
            let why = format!("Not one effect showed in {}.", sink.name);
            let mend =
                "Look into the logs of the service that writes to it, and how the sink is read.";
            reasons.push(reason(format!("effects:{}", sink.name), why, mend));
        }
    }
    reasons
}

/// What the caller says was not shown.
pub fn of_health(spec: &JudgeSpec, health: &Health) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut need = |key: &str, what: &str, shown: &Shown| {
        reasons.extend(of_shown(key, what, shown));
    };
    need(
        "steady-state",
        "that the system worked before the load",
        &health.steady_state,
    );
    need(
        "rate",
        "that the load was offered at its rate",
        &health.rate,
    );
    need(
        "drain",
        "that nothing was in flight any more at the end",
        &health.drain,
    );
    need("recorder", "that every row was recorded", &health.recorder);
    need(
        "harness",
        "that the harness had time to spare",
        &health.harness,
    );
    need(
        "system",
        "that the system's processes kept running",
        &health.system,
    );
    for (index, sink) in spec.sinks.iter().enumerate() {
        let unknown = Shown::Unknown;
        let shown = health
            .sinks
            .get(index)
            .map_or(&unknown, |sink| &sink.final_read);
        let what = format!("that all of {} was read at the end", sink.name);
        need(&format!("final-read:{}", sink.name), &what, shown);
    }
    for (key, shown) in &health.others {
        need(key, &format!("the requirement {key}"), shown);
    }
    reasons.extend(of_faults(spec, health));
    reasons
}

fn of_faults(spec: &JudgeSpec, health: &Health) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut need = |key: &str, what: &str, shown: &Shown| {
        reasons.extend(of_shown(key, what, shown));
    };
    for fault in &spec.faults {
        let name = &fault.name;
        let seen = health.faults.get(name).cloned().unwrap_or_default();
        need(
            &format!("fault:{name}"),
            &format!("that the fault {name} bit"),
            &seen.bit,
        );
        need(
            &format!("heal:{name}"),
            &format!("that the fault {name} was healed"),
            &seen.healed,
        );
        for (proof, shown) in &seen.proofs {
            let what = format!("that the fault {name} caused {proof}");
            need(&format!("proof:{name}:{proof}"), &what, shown);
        }
    }
    reasons
}

fn of_shown(key: &str, what: &str, shown: &Shown) -> Option<Reason> {
    match shown {
        Shown::Yes => None,
        Shown::No { why, mend } => Some(reason(key, why, mend)),
        Shown::Unknown => {
            let why = format!("Nobody looked whether it can be shown {what}.");
            let mend = "Let the run come to its end, or run again.";
            Some(reason(key, why, mend))
        }
    }
}

/// Anomalies that were seen and not proven.
pub fn of_anomalies(anomalies: &[Anomaly]) -> Vec<Reason> {
    let unproven = anomalies
        .iter()
        .filter(|one| one.standing == Standing::Unproven);
    unproven
        .map(|one| {
            let why = format!(
                "{} in {} may be {}, which this run does not prove.",
                counted(one.count, "event"),
                one.sink,
                one.name
            );
            let mend = "Mend the other reasons named here, and run again.";
            reason(format!("unproven:{}:{}", one.name, one.sink), why, mend)
        })
        .collect()
}

/// Thresholds that were not measured, or not fairly.
pub fn of_thresholds(thresholds: &[ThresholdResult], measured_fairly: bool) -> Vec<Reason> {
    let of = |one: &ThresholdResult| {
        let key = format!("threshold:{}", one.key);
        match one.observed {
            None => {
                let why = format!(
                    "{} was never measured, so {} is not met.",
                    one.key, one.expression
                );
                let mend = "Check the selector's names; a run that broke off measures nothing.";
                Some(reason(key, why, mend))
            }
            Some(observed) if !one.decided && !one.over => {
                let why = format!(
                    "{} is {observed} or up to {:.0} ms less, for so long the harness did not look at the sink: whether {} stays open.",
                    one.key, one.late_ms, one.expression
                );
                Some(reason(
                    key,
                    why,
                    "Run on a machine with more to spare, or lower the rate.",
                ))
            }
            Some(observed) if !one.decided => {
                let why = format!(
                    "{} is more than {observed:.0}: the run ended before it was clear whether {}.",
                    one.key, one.expression
                );
                Some(reason(
                    key,
                    why,
                    "Let the load go on for longer after the fault.",
                ))
            }
            Some(observed) if !one.ok && !measured_fairly => {
                let why = format!(
                    "{} is {observed}, against {}, in a run that does not measure it fairly.",
                    one.key, one.expression
                );
                Some(reason(
                    key,
                    why,
                    "Mend the other reasons named here, and run again.",
                ))
            }
            Some(_) => None,
        }
    };
    thresholds
        .iter()
        .filter(|one| one.weight.counts())
        .filter_map(of)
        .collect()
}

/// Invariants that were not evaluated, or that are broken in a run that had not come to rest.
pub fn of_invariants(invariants: &[InvariantResult]) -> Vec<Reason> {
    let of = |one: &InvariantResult| {
        let key = format!("invariant:{}", one.name);
        match &one.evaluated {
            Evaluated::Met(_) => None,
            Evaluated::Broken(_) if one.violated => None,
            Evaluated::Broken(seen) => {
                let why = format!(
                    "The invariant {} is broken ({seen}), in a run that had not come to rest.",
                    one.name
                );
                let mend = "Mend the other reasons named here, and run again.";
                Some(reason(key, why, mend))
            }
            Evaluated::Failed(why) => {
                let why = format!("The invariant {} was not evaluated: {why}", one.name);
                let mend = "Mend its query or its program, or name with `in` the environments that it counts in.";
                Some(reason(key, why, mend))
            }
            Evaluated::Unknown => {
                let why = format!("Nobody evaluated the invariant {}.", one.name);
                let mend = "Let the run come to its end, or run again.";
                Some(reason(key, why, mend))
            }
        }
    };
    invariants
        .iter()
        .filter(|one| one.weight.counts())
        .filter_map(of)
        .collect()
}

/// A run that was stopped did not do all that it should have.
pub fn of_harm(why: &str) -> Reason {
    let mend = "Find out why the system does not bear this, or set abort_if to what it may do.";
    reason("harm", why, mend)
}
