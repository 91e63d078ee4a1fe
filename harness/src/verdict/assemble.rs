//! The report of a judged run, as one value.

use super::around::Told;
use super::survey::Survey;
use super::{again, cure, measures, story};
use crate::exit::Exit;
use crate::faults::fault_health;
use squall_check::{Anomaly, Evaluated, Judgement, SinkLedger, Standing, counted};
use squall_history::Phase;
use squall_plan::Plan;
use squall_plan::fault::Fault;
use squall_plan::plan::Environment;
use squall_render::report;
use std::collections::BTreeMap;
use std::path::Path;

/// Assembles the report. `folder` has the history and the logs that stories are told from.
pub fn report(
    folder: &Path,
    plan: &Plan,
    survey: &Survey,
    judgement: &Judgement,
    told: &BTreeMap<String, Told>,
) -> report::Report {
    let violations = judgement.violations();
    report::Report {
        squall_report: report::REPORT_VERSION,
        verdict: verdict(judgement.verdict),
        headline: headline(survey, judgement),
        scenario: plan.name.clone(),
        variant: plan.variant.clone(),
        description: plan.description.clone(),
        seed: plan.seed,
        environment: survey.head.environment.clone(),
        exit: Exit::from(judgement.verdict).code(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: survey.head.started.clone(),
        trace: trace(folder),
        setting: setting(plan),
        duration_s: survey.end_ns as f64 / 1e9,
        load: load(plan, survey, judgement),
        lost: judgement.lost,
        faults: plan
            .faults
            .iter()
            .map(|fault| report::FaultSummary {
                measures: measures::of(fault, plan, judgement, told),
                ..fault_summary(fault, survey)
            })
            .collect(),
        sinks: judgement
            .sinks
            .iter()
            .map(|ledger| sink(ledger, judgement))
            .collect(),
        anomalies: violations
            .map(|anomaly| anomaly_told(folder, plan, anomaly))
            .collect(),
        thresholds: judgement.thresholds.iter().map(limit).collect(),
        invariants: invariants(plan, judgement),
        stopped: judgement.harm.clone(),
        inconclusive: judgement
            .reasons
            .iter()
            .map(|reason| format!("{} {}", reason.why, reason.mend))
            .collect(),
        harness: harness(plan, survey),
        again: again::command(plan),
        scope: again::scope(plan),
    }
}

fn setting(plan: &Plan) -> String {
    let brokers = counted(plan.cluster.brokers.into(), "broker");
    match plan.environment {
        Environment::Embedded => format!("embedded: Squall's Kafka model, {brokers}"),
        Environment::Docker => format!("docker: Kafka in containers, {brokers}, behind Toxiproxy"),
        Environment::External => {
            "external: a Kafka cluster of others', behind Squall's proxy".to_owned()
        }
        Environment::Sim => {
            format!("sim: Squall's Kafka and client models, {brokers}, virtual time")
        }
    }
}

/// The trace hash of a simulation.
fn trace(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(crate::run::TRACE_FILE)).ok()?;
    Some(text.trim().to_owned())
}

const fn verdict(verdict: squall_check::Verdict) -> report::Verdict {
    match verdict {
        squall_check::Verdict::Held => report::Verdict::Held,
        squall_check::Verdict::Violated => report::Verdict::Violated,
        squall_check::Verdict::Inconclusive => report::Verdict::Inconclusive,
    }
}

/// The kind of violation, or the first thing that was not shown.
fn headline(survey: &Survey, judgement: &Judgement) -> String {
    match (judgement.verdict, judgement.headline) {
        (squall_check::Verdict::Held, _) => String::new(),
        // Whatever else was not shown, it was not shown because of this.
        (_, None) if survey.outcome.as_deref() == Some("interrupted") => "interrupted".to_owned(),
        (_, Some(headline)) => headline.name().to_owned(),
        (_, None) => judgement
            .reasons
            .first()
            .map_or_else(|| "nothing shown".to_owned(), |reason| reason.key.clone()),
    }
}

fn load(plan: &Plan, survey: &Survey, judgement: &Judgement) -> report::LoadSummary {
    report::LoadSummary {
        offered: judgement.load.offered,
        accepted: judgement.load.accepted,
        rejected: judgement.load.rejected,
        indeterminate: judgement.load.indeterminate,
        planned: plan.loads.iter().map(|planned| planned.events).sum(),
        on_time: survey.sample("achieved_rate").unwrap_or(0.0),
        unsent: survey.sample("unsent").unwrap_or(0.0) as u64,
        pacing_p999_ms: survey.sample("pacing_p999_ms").unwrap_or(0.0),
    }
}

fn fault_summary(fault: &Fault, survey: &Survey) -> report::FaultSummary {
    let seen = survey.faults.get(&fault.name);
    let evidence = seen.map(|seen| seen.evidence.clone()).unwrap_or_default();
    let epoch = survey.load_epoch_ns.unwrap_or(0);
    let on_load_clock = |ns: u64| (ns as f64 - epoch as f64) / 1e6;
    let demand = |proof: &squall_plan::fault::Proof| {
        let name = proof.name();
        let shown = evidence.iter().find(|evidence| evidence.starts_with(name));
        report::Demand {
            consequence: name.to_owned(),
            met: shown.is_some(),
            detail: shown.map_or_else(
                || "not seen".to_owned(),
                |shown| {
                    shown[name.len()..]
                        .trim_start_matches([':', ' '])
                        .to_owned()
                },
            ),
        }
    };
    report::FaultSummary {
        name: fault.name.clone(),
        kind: fault.kind.name().to_owned(),
        target: fault.target.to_string(),
        at_ms: seen
            .and_then(|seen| seen.injected_ns)
            .map_or(fault.at_ns as f64 / 1e6, on_load_clock),
        healed_ms: seen.and_then(|seen| seen.healed_ns).map(on_load_clock),
        bit: fault_health(std::slice::from_ref(fault), &survey.fault_notes)
            .values()
            .all(|health| health.bit.is_shown()),
        required: !fault.drawn,
        demanded: fault.prove.iter().map(demand).collect(),
        evidence: shown_evidence(evidence),
        measures: None,
    }
}

/// What shows that the fault bit, as it was told last; consequences that were demanded stand in lines of their own.
fn shown_evidence(evidence: Vec<String>) -> Vec<String> {
    let bit = |text: String| text.strip_prefix("bit: ").map(str::to_owned);
    evidence
        .into_iter()
        .filter_map(bit)
        .next_back()
        .into_iter()
        .collect()
}

fn sink(ledger: &SinkLedger, judgement: &Judgement) -> report::SinkSummary {
    let violated = judgement
        .anomalies
        .iter()
        .any(|anomaly| anomaly.sink == ledger.name && anomaly.standing != Standing::Allowed);
    report::SinkSummary {
        name: ledger.name.clone(),
        semantics: ledger.semantics.name().to_owned(),
        ok: !violated && ledger.final_read_complete,
        effects: ledger.effects,
        lost: ledger.lost,
        duplicated: ledger.duplicated,
        dead_lettered: ledger.dead_lettered,
        in_flight: ledger.in_flight,
        indeterminate_effects: ledger.indeterminate_effects,
    }
}

fn anomaly_told(folder: &Path, plan: &Plan, anomaly: &Anomaly) -> report::Anomaly {
    let sink = plan
        .system
        .spec
        .sinks
        .iter()
        .position(|sink| sink.name == anomaly.sink)
        .unwrap_or(0);
    let told = anomaly
        .examples
        .first()
        .and_then(|example| story::tell(folder, plan, example.event, sink).ok());
    report::Anomaly {
        name: anomaly.name.name().to_owned(),
        sink: Some(anomaly.sink.clone()),
        count: anomaly.count,
        events: anomaly
            .examples
            .iter()
            .map(|example| story::event_text(plan, example.event))
            .collect(),
        places: places(plan, anomaly),
        cure: cure::of(anomaly.name.name(), told.as_ref()).to_owned(),
        story: told,
    }
}

/// The first few runs of offsets.
fn places(plan: &Plan, anomaly: &Anomaly) -> Vec<String> {
    const RANGES_SHOWN: usize = 4;
    let shown = anomaly.ranges.iter().take(RANGES_SHOWN).map(|range| {
        let event = squall_check::EventId::new(range.stream, 0);
        let topic = story::input_topic(plan, event).unwrap_or_else(|| "partition".to_owned());
        if range.first_offset == range.last_offset {
            format!("{topic}/{} offset {}", range.partition, range.first_offset)
        } else {
            format!(
                "{topic}/{} offsets {}-{}",
                range.partition, range.first_offset, range.last_offset
            )
        }
    });
    let mut places: Vec<String> = shown.collect();
    if anomaly.ranges.len() > RANGES_SHOWN {
        places.push("...".to_owned());
    }
    places
}

fn limit(threshold: &squall_check::ThresholdResult) -> report::Limit {
    report::Limit {
        metric: threshold.key.clone(),
        expression: threshold.expression.clone(),
        observed: threshold.observed,
        over: threshold.over,
        ok: threshold.ok,
        weight: threshold.weight.name().to_owned(),
    }
}

fn invariants(plan: &Plan, judgement: &Judgement) -> Vec<report::Invariant> {
    let of = |result: &squall_check::InvariantResult| {
        let mut planned = plan.expect.invariants.iter();
        let asked = planned
            .find(|invariant| invariant.name == result.name)
            .map_or_else(String::new, squall_plan::scenario::Invariant::asked);
        let (met, observed) = match &result.evaluated {
            Evaluated::Met(seen) => (Some(true), seen.clone()),
            Evaluated::Broken(seen) => (Some(false), seen.clone()),
            Evaluated::Failed(why) => (None, why.clone()),
            Evaluated::Unknown => (None, "nobody evaluated it".to_owned()),
        };
        report::Invariant {
            name: result.name.clone(),
            asked,
            met,
            observed,
            weight: result.weight.name().to_owned(),
        }
    };
    judgement.invariants.iter().map(of).collect()
}

fn harness(plan: &Plan, survey: &Survey) -> report::HarnessSummary {
    let drain_s = match (survey.began_ns(Phase::Drain), survey.ended_ns(Phase::Drain)) {
        (Some(began), Some(ended)) => ended.saturating_sub(began) as f64 / 1e9,
        _ => 0.0,
    };
    let total_s = survey.end_ns as f64 / 1e9;
    report::HarnessSummary {
        cpu_s: survey.sample("harness_cpu_s").unwrap_or(0.0),
        memory_max_mib: survey.sample("harness_memory_max_mib").unwrap_or(0.0),
        overhead_s: (total_s - drain_s - plan.load_ends_ns as f64 / 1e9).max(0.0),
        drain_s,
        tap_resolution_ms: survey
            .tap_resolution_ms()
            .map(|(sink, ms)| (sink.to_owned(), ms))
            .collect(),
        operations: survey.ops,
        notes: survey.notes,
    }
}
