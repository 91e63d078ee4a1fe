//! What the tests share: a load by hand, a run of it, and its history.
#![allow(dead_code, clippy::unwrap_used)]

use squall_check::{Kind, Op};
use squall_history::{Reader, Recorder};
use squall_load::{LoadReport, LoadSpec, RunTimes, RunningLoad, Target};
use squall_plan::plan::Arrival;
use squall_plan::scenario::{Keys, Load, LoadEntry};
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub mod server;

pub const SEED: u64 = 7421;

pub fn load(entry: LoadEntry) -> Load {
    Load {
        name: "test".into(),
        entry,
        headers: BTreeMap::new(),
        body: serde_json::json!({"type": "user_signup", "data": {"user": "{{key}}", "said": "a \"b\"\n"}}),
        size_bytes: None,
        key: "{{key}}".into(),
        keys: Keys::Sequential { count: 10 },
        arrival: squall_plan::scenario::Arrival::Uniform,
        stages: Vec::new(),
        outcomes: Vec::new(),
        timeout_ns: 60_000_000_000,
        connections: 64,
        odd: None,
    }
}

pub fn http() -> Load {
    load(LoadEntry::Http {
        method: "POST".into(),
        service: "producer".into(),
        port: "http".into(),
        path: "/event".into(),
        id: IdPlace::Header("ce-id".into()),
    })
}

pub fn topic() -> Load {
    load(LoadEntry::Topic {
        topic: "signups".into(),
        id: IdPlace::Header("ce_id".into()),
    })
}

/// Evenly spaced events.
pub fn spec(load: Load, count: u64, interval_ns: u64) -> LoadSpec {
    let arrival = move |sequence: u64| Arrival {
        at_ns: sequence * interval_ns,
        sequence,
        key: (sequence % 10) as u32,
    };
    LoadSpec {
        load,
        stream: 0,
        seed: SEED,
        timeline: Vec::new(),
        events: count,
        arrivals: Box::new((0..count).map(arrival)),
    }
}

pub fn times() -> RunTimes {
    RunTimes {
        start: Instant::now(),
        started_unix_ns: 1_795_247_999_000_000_000,
        load_zero_ns: 20_000_000,
    }
}

/// Runs a load to its end and gives its report and history.
pub fn run(spec: LoadSpec, target: Target) -> (LoadReport, Vec<Op>) {
    run_with(spec, target, |_| {})
}

pub fn run_with(
    spec: LoadSpec,
    target: Target,
    meanwhile: impl FnOnce(&RunningLoad),
) -> (LoadReport, Vec<Op>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(squall_history::FILE_NAME);
    let recorder = Recorder::create(&path, 0).unwrap();
    let running = RunningLoad::start(spec, target, times(), recorder.clone()).unwrap();
    meanwhile(&running);
    let report = running.join().unwrap();
    recorder.finish().unwrap();
    let mut ops = Vec::new();
    let mut reader = Reader::open(&path).unwrap();
    while let Some(batch) = reader.next_batch().unwrap() {
        if let squall_history::Batch::Ops(batch) = batch {
            ops.extend_from_slice(batch);
        }
    }
    check(&report, &ops);
    (report, ops)
}

/// What must be true of every load: one offer and then one outcome an event, and a report that says the same.
fn check(report: &LoadReport, ops: &[Op]) {
    let mut state: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for op in ops {
        let (offers, outcomes) = state.entry(op.event.sequence()).or_default();
        if op.kind == Kind::Offered {
            *offers += 1;
        } else {
            assert_eq!(*offers, 1, "an outcome before its offer: {op:?}");
            *outcomes += 1;
        }
    }
    assert!(state.values().all(|counts| *counts == (1, 1)), "{state:?}");
    assert_eq!(report.offered, state.len() as u64);
    for (kind, told) in [
        (Kind::Accepted, report.accepted),
        (Kind::Rejected, report.rejected),
        (Kind::Indeterminate, report.indeterminate),
    ] {
        assert_eq!(count(ops, kind), told, "{kind:?}");
    }
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.on_time + report.late, report.offered);
}

pub fn count(ops: &[Op], kind: Kind) -> u64 {
    ops.iter().filter(|op| op.kind == kind).count() as u64
}

/// Time from the intended send to the outcome, by event.
pub fn latencies(ops: &[Op]) -> BTreeMap<u64, u64> {
    let mut offered = BTreeMap::new();
    let mut latencies = BTreeMap::new();
    for op in ops {
        if op.kind == Kind::Offered {
            offered.insert(op.event.sequence(), op.at);
        } else {
            latencies.insert(op.event.sequence(), op.at - offered[&op.event.sequence()]);
        }
    }
    latencies
}

/// Waits for a condition with a generous deadline.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}
