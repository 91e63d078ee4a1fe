//! A run made by hand: plan from a shipped scenario, history row by row, report as a judge would fill it.
#![allow(dead_code, clippy::expect_used)]

use squall_check::{EventId, Kind, Op};
use squall_history::{FILE_NAME, Fact, FaultState, Head, Note, Phase, ServiceState, What, Writer};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Files, Request};
use squall_render::Report;
use squall_render::report::{self, Story};
use squall_report::{Material, Series};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub const MS: u64 = 1_000_000;
/// Load clock 0 in run time.
pub const EPOCH_NS: u64 = 500 * MS;

struct Shipped;

impl Files for Shipped {
    fn find(&self, path: &str) -> io::Result<(String, String)> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        Ok((std::fs::read_to_string(file)?, "systems".to_owned()))
    }
}

/// `broker-loss`: one load, two sinks, one fault.
pub fn plan() -> Plan {
    let text = Shipped
        .find("scenarios/broker-loss.yaml")
        .expect("a shipped scenario")
        .0;
    let scenario =
        squall_plan::scenario::from_text("broker-loss.yaml", &text, &Request::default(), &Shipped);
    let scenario = scenario.expect("a valid scenario");
    Plan::derive(&scenario, 7, Environment::Embedded).expect("a plan")
}

pub fn op(kind: Kind, at_ms: f64, sequence: u64, place: u16) -> Op {
    Op {
        at: EPOCH_NS + (at_ms * MS as f64) as u64,
        event: EventId::new(0, sequence),
        offset: 0,
        partition: 0,
        place,
        kind,
    }
}

pub fn note(at_ms: f64, what: What) -> Note {
    Note::new((EPOCH_NS as f64 + at_ms * MS as f64) as u64, what)
}

pub fn lag(at_ms: f64, group: &str, value: f64) -> Note {
    let labels = BTreeMap::from([("group".to_owned(), group.to_owned())]);
    let metric = "lag".to_owned();
    note(
        at_ms,
        What::Sample {
            metric,
            labels,
            value,
        },
    )
}

pub fn lag_partition(at_ms: f64, group: &str, partition: i32, value: f64) -> Note {
    let labels = [
        ("group", group.to_owned()),
        ("topic", "signups".to_owned()),
        ("partition", partition.to_string()),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value));
    let metric = "lag_partition".to_owned();
    note(
        at_ms,
        What::Sample {
            metric,
            labels: BTreeMap::from(labels),
            value,
        },
    )
}

/// A fault from `from_ms` to `until_ms`, an election and a crash within, the drain's end at `ends_ms`.
pub fn notes(fault: &str, from_ms: f64, until_ms: f64, ends_ms: f64, text: &str) -> Vec<Note> {
    let phase = |at, name, began| note(at, What::Phase { name, began });
    let fault = |at, state| {
        let (name, detail) = (fault.to_owned(), text.to_owned());
        note(
            at,
            What::Fault {
                name,
                state,
                detail,
            },
        )
    };
    let head = Head {
        version: 1,
        scenario: text.to_owned(),
        seed: 7,
        environment: "embedded".to_owned(),
        started: "2026-11-21T10:00:00Z".to_owned(),
        plan: text.to_owned(),
    };
    let fact = Fact {
        node: 1,
        kind: "elected".to_owned(),
        text: format!("leader 2, {text}"),
        topic: Some("signups".to_owned()),
        partition: Some(0),
        ..Fact::default()
    };
    let crash = What::Service {
        name: format!("consumer-db{text}"),
        replica: 0,
        pid: None,
        state: ServiceState::Killed,
        detail: text.to_owned(),
    };
    vec![
        Note::new(1, What::Head(head)),
        phase(0.0, Phase::Load, true),
        fault(from_ms, FaultState::Injected),
        note(from_ms + 1.0, What::Fact(fact)),
        note(from_ms + 2.0, crash),
        fault(until_ms, FaultState::Healed),
        phase(ends_ms, Phase::Drain, false),
        note(
            ends_ms,
            What::End {
                outcome: "complete".to_owned(),
            },
        ),
    ]
}

pub fn store(folder: &Path, notes: &[Note], ops: &[Op]) {
    let mut writer = Writer::create(&folder.join(FILE_NAME)).expect("a history");
    for note in notes {
        writer.note(note).expect("a note");
    }
    writer.ops(ops).expect("ops");
    writer.flush().expect("a whole history");
}

/// A report in which every text from outside is `text`.
pub fn report(plan: &Plan, text: &str) -> Report {
    let text = || text.to_owned();
    let story = story(&text());
    report::Report {
        squall_report: 1,
        verdict: report::Verdict::Violated,
        headline: text(),
        scenario: text(),
        variant: Some(text()),
        description: text(),
        seed: 7,
        environment: text(),
        exit: 1,
        version: text(),
        started: text(),
        trace: Some(text()),
        setting: text(),
        duration_s: 20.0,
        load: report::LoadSummary::default(),
        lost: 1,
        faults: vec![report::FaultSummary {
            name: plan.faults[0].name.clone(),
            kind: text(),
            target: text(),
            at_ms: 1.0,
            healed_ms: None,
            bit: true,
            required: true,
            evidence: vec![text()],
            demanded: vec![report::Demand {
                consequence: text(),
                met: false,
                detail: text(),
            }],
            measures: None,
        }],
        sinks: vec![report::SinkSummary {
            name: text(),
            semantics: text(),
            ok: false,
            effects: 1,
            lost: 1,
            duplicated: 1,
            dead_lettered: 0,
            in_flight: 0,
            indeterminate_effects: 0,
        }],
        anomalies: vec![report::Anomaly {
            name: text(),
            sink: Some(text()),
            count: 2,
            events: vec![text(), text()],
            places: vec![text()],
            story: Some(story),
            cure: text(),
        }],
        thresholds: vec![report::Limit {
            metric: text(),
            expression: text(),
            observed: None,
            over: false,
            ok: false,
            weight: text(),
        }],
        invariants: vec![report::Invariant {
            name: text(),
            asked: text(),
            met: None,
            observed: text(),
            weight: text(),
        }],
        stopped: Some(text()),
        inconclusive: vec![text()],
        harness: report::HarnessSummary {
            tap_resolution_ms: BTreeMap::from([(text(), 1.0)]),
            ..report::HarnessSummary::default()
        },
        again: format!("squall scenario {}   ({})", text(), text()),
        scope: text(),
    }
}

pub fn story(text: &str) -> Story {
    let whats = [
        "offered",
        "accepted",
        "unknown",
        "delivered",
        "effect",
        "crash",
        "fault",
        text,
    ];
    let step = |what: &&str| report::Step {
        at_ms: 1.5,
        what: (*what).to_owned(),
        detail: text.to_owned(),
    };
    Story {
        event: text.to_owned(),
        steps: whats.iter().map(step).collect(),
    }
}

/// The page of a stored run in whose report and story every text is `text`.
pub fn page_of(plan: &Plan, notes: &[Note], ops: &[Op], text: &str) -> String {
    page_with(plan, &report(plan, text), notes, ops, text)
}

/// As [`page_of`], with a report of its own.
pub fn page_with(plan: &Plan, report: &Report, notes: &[Note], ops: &[Op], text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path(), notes, ops);
    squall_report::page(Material {
        plan,
        report,
        series: &Series::read(folder.path(), plan).expect("a whole history"),
        story: Some(&story(text)),
    })
}
