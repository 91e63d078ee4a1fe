//! Whole runs of the shipped scenarios, made short.

#![allow(clippy::unwrap_used)]

use squall_check::Kind;
use squall_history::{Event, FaultState, ServiceState, What, Writer};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use squall_sim::{Detail, SimError, SimOutcome};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn plan(file: &str, variant: Option<&str>, sets: &[&str], seed: u64) -> Plan {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .join(file);
    let request = Request {
        variant: variant.map(str::to_owned),
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
    };
    let scenario = scenario::load(&path, &request)
        .map_err(|problems| problems.to_string())
        .unwrap();
    Plan::derive(&scenario, seed, Environment::Sim)
        .map_err(|problems| problems.to_string())
        .unwrap()
}

const CRASHES: &[&str] = &[
    "load.stages=[{rate: 300/s, for: 7s}]",
    "faults=[{name: first, at: 2s, for: 1s, crash: consumer-db, prove: [process-restarted]}, {name: second, at: 5s, for: 1s, crash: consumer-db}]",
];

/// What a history says.
#[derive(Default)]
struct Told {
    outcome: Option<SimOutcome>,
    bytes: Vec<u8>,
    counts: BTreeMap<(Kind, u16), u64>,
    accepted: BTreeSet<u64>,
    /// By sink, event to stored effects.
    stored: BTreeMap<u16, BTreeMap<u64, u64>>,
    unsound: Vec<String>,
    evidence: Vec<String>,
    ended: bool,
}

fn run(plan: &Plan) -> Told {
    let mut told = Told::default();
    let mut writer = Writer::new(Vec::new()).unwrap();
    let outcome = squall_sim::run(plan, &mut |event| {
        told.take(&event);
        writer.event(&event).unwrap();
    });
    told.outcome = Some(outcome.unwrap());
    told.bytes = writer.into_inner().unwrap();
    assert!(told.ended, "the last row tells the end");
    told
}

impl Told {
    fn take(&mut self, event: &Event) {
        assert!(!self.ended, "a row behind the end: {event:?}");
        match event {
            Event::Op(op) => {
                *self.counts.entry((op.kind, op.place)).or_default() += 1;
                match op.kind {
                    Kind::Accepted => {
                        self.accepted.insert(op.event.0);
                    }
                    Kind::Final => {
                        *self
                            .stored
                            .entry(op.place)
                            .or_default()
                            .entry(op.event.0)
                            .or_default() += 1
                    }
                    _ => {}
                }
            }
            Event::Note(note) => match &note.what {
                What::Health {
                    key,
                    ok: false,
                    detail,
                } => self.unsound.push(format!("{key}: {detail}")),
                What::Fault {
                    state: FaultState::Evidence,
                    detail,
                    ..
                } => self.evidence.push(detail.clone()),
                What::Problem { text, .. } => self.unsound.push(text.clone()),
                What::End { .. } => self.ended = true,
                _ => {}
            },
        }
    }

    fn lost(&self, sink: u16) -> usize {
        let stored = self.stored.get(&sink);
        self.accepted
            .iter()
            .filter(|id| !stored.is_some_and(|stored| stored.contains_key(id)))
            .count()
    }

    fn doubled(&self, sink: u16) -> usize {
        self.stored.get(&sink).map_or(0, |stored| {
            stored.values().filter(|count| **count > 1).count()
        })
    }
}

#[test]
fn a_broker_that_is_stopped_twice_at_once_is_not_killed_for_being_back() {
    // In this seed a restart of broker 2 waits for the end of an isolation, and another one begins just before it is done.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/sim/page-cache.yaml");
    let scenario = scenario::load(&path, &Request::default()).unwrap();
    let seed = 8_000_000_005_749;
    let plan = Plan::derive(&scenario.scaled(500), seed, Environment::Sim).unwrap();
    let told = run(&plan);
    assert!(told.unsound.is_empty(), "{:?}", told.unsound);
}

#[test]
fn a_replica_that_is_hit_while_it_comes_back_is_never_two_processes() {
    // The second crash comes while the first one's process is being started, and finds nobody; healed, it must leave that one alone.
    let twice = "faults=[{name: one, at: 2s, for: 1s, crash: producer}, {name: other, at: 3006ms, for: 500ms, crash: producer}]";
    for seed in 0..5 {
        let plan = plan("consumer-crash.yaml", None, &[CRASHES[0], twice], seed);
        let mut running: BTreeMap<(String, u32), BTreeSet<u32>> = BTreeMap::new();
        let outcome = squall_sim::run(&plan, &mut |event| {
            let Event::Note(note) = event else { return };
            let What::Service {
                name,
                replica,
                pid: Some(pid),
                state,
                ..
            } = note.what
            else {
                return;
            };
            let processes = running.entry((name, replica)).or_default();
            match state {
                ServiceState::Starting => processes.insert(pid),
                ServiceState::Killed | ServiceState::Stopped | ServiceState::Exited => {
                    processes.remove(&pid)
                }
                _ => false,
            };
            assert!(processes.len() <= 1, "seed {seed}: {processes:?}");
        });
        outcome.unwrap();
    }
}

#[test]
fn a_correct_system_loses_nothing_when_its_consumer_crashes_and_one_seed_is_one_history() {
    let plan = plan("consumer-crash.yaml", None, CRASHES, 7);
    let (first, second) = (run(&plan), run(&plan));
    assert_eq!(first.counts[&(Kind::Offered, 0)], 2_100);
    assert_eq!(first.accepted.len(), 2_100 + 3);
    assert_eq!(
        [
            first.lost(0),
            first.lost(1),
            first.doubled(0),
            first.doubled(1)
        ],
        [0; 4]
    );
    assert_eq!(first.unsound, Vec::<String>::new());
    let bit = first
        .evidence
        .iter()
        .filter(|text| text.starts_with("bit:"))
        .count();
    assert_eq!(bit, 2, "{:?}", first.evidence);
    assert!(
        first
            .evidence
            .iter()
            .any(|text| text.starts_with("process-restarted:"))
    );
    assert_eq!(first.outcome, second.outcome);
    assert!(
        first.bytes == second.bytes,
        "one seed, one history, byte for byte"
    );
}

#[test]
fn another_seed_is_another_run() {
    let runs = [1, 2].map(|seed| run(&plan("consumer-crash.yaml", None, CRASHES, seed)));
    let [first, second] = &runs;
    assert_ne!(
        first.outcome.unwrap().trace_hash,
        second.outcome.unwrap().trace_hash
    );
    assert!(first.bytes != second.bytes);
}

#[test]
fn planted_bugs_show_when_the_consumer_crashes() {
    let lossy = run(&plan(
        "consumer-crash.yaml",
        Some("commit-before-effect"),
        CRASHES,
        3,
    ));
    assert!(
        lossy.lost(0) > 0,
        "what was committed and not written is gone"
    );
    assert_eq!(
        lossy.unsound,
        Vec::<String>::new(),
        "a loss is shown, not suspected"
    );
    let doubling = (1..=3).map(|seed| {
        run(&plan(
            "consumer-crash.yaml",
            Some("missing-idempotence"),
            CRASHES,
            seed,
        ))
    });
    let doubled: usize = doubling.map(|told| told.doubled(0)).sum();
    assert!(
        doubled > 0,
        "what was written and not committed is written again"
    );
}

/// A leader is killed with 50 ms to its followers.
const LEADER_LOST: &[&str] = &[
    "load.stages=[{rate: 600/s, for: 8s}]",
    "bus.kafka.broker={broker.session.timeout.ms: 3000}",
    "bus.kafka.links={latency: 50ms}",
    "faults=[{name: leader-lost, at: 2s, for: 5s, kill: leader(signups/0), prove: [leader-moved]}]",
    "expect.thresholds={}",
];

#[test]
fn a_lost_leader_takes_along_what_it_alone_had_and_nothing_else() {
    let weak = ["bus.kafka.client={acks: 1, enable.idempotence: false}"];
    let weak: Vec<&str> = LEADER_LOST.iter().chain(&weak).copied().collect();
    let lossy = run(&plan("burst.yaml", None, &weak, 1));
    assert!(lossy.lost(0) > 0, "acknowledged by the leader alone");
    assert!(
        lossy
            .evidence
            .iter()
            .any(|text| text.starts_with("leader-moved:")),
        "{:?}",
        lossy.evidence
    );
    let safe = run(&plan("burst.yaml", None, LEADER_LOST, 1));
    assert_eq!([safe.lost(0), safe.lost(1), safe.doubled(0)], [0; 3]);
}

#[test]
fn what_cannot_be_simulated_is_said_before_anything_runs() {
    let mut foreign = plan("consumer-crash.yaml", None, CRASHES, 1);
    foreign.system.spec.services[0].command = vec!["python3".to_owned(), "producer.py".to_owned()];
    let mut rows = 0;
    let error = squall_sim::run(&foreign, &mut |_| rows += 1).unwrap_err();
    assert!(matches!(error, SimError::ForeignService { .. }), "{error}");
    assert_eq!(rows, 0);
}

#[test]
fn a_sink_that_is_away_or_refuses_costs_a_correct_system_nothing_and_each_trouble_is_seen() {
    for file in ["sink-outage.yaml", "database-locked.yaml"] {
        let told = run(&plan(file, None, &[], 7));
        assert_eq!(told.unsound, Vec::<String>::new());
        let bitten = told.evidence.iter().filter(|text| text.contains("met it"));
        assert_eq!(bitten.count(), 3, "{:?}", told.evidence);
        for (sink, stored) in &told.stored {
            let missing = told.accepted.iter().filter(|id| !stored.contains_key(id));
            assert_eq!(missing.count(), 0, "{file}: sink {sink}");
        }
        let told = run(&plan(file, Some("dropped-retry"), &[], 7));
        let lost = told.stored.values().map(|stored| {
            let missing = told.accepted.iter().filter(|id| !stored.contains_key(id));
            missing.count()
        });
        assert!(lost.sum::<usize>() > 0, "{file}: what was dropped is lost");
    }
}

#[test]
fn odd_events_end_where_they_belong() {
    let told = run(&plan("odd-events.yaml", None, &[], 7));
    assert_eq!(told.unsound, Vec::<String>::new());
    let shown = |text: &str| told.evidence.iter().any(|known| known.contains(text));
    for text in [
        "45 events were acknowledged",
        "20 events were refused",
        "30 of 30 events were acknowledged twice",
    ] {
        assert!(shown(text), "{text:?}: {:?}", told.evidence);
    }
    let effects: BTreeSet<u16> = told
        .stored
        .values()
        .flat_map(BTreeMap::keys)
        .map(stream)
        .collect();
    // The load's own, those that came twice, and the probes: malformed, too large and without a value had none.
    assert_eq!(effects, BTreeSet::from([0, 4, 5]));
    let twice = told.stored[&0].values().filter(|count| **count > 1);
    assert_eq!(twice.count(), 0, "each has one row");
}

fn stream(event: &u64) -> u16 {
    u16::try_from(event >> 48).unwrap()
}

/// Of a run, its trace hash and how far consumer-db was said to be behind, in order.
fn lags(plan: &Plan, detail: Detail) -> (u64, Vec<f64>) {
    let mut lags = Vec::new();
    let outcome = squall_sim::run_with(plan, detail, &mut |event| {
        let Event::Note(note) = event else { return };
        if let What::Sample {
            metric,
            labels,
            value,
        } = note.what
            && metric == "lag"
            && labels["group"] == "consumer-db"
        {
            lags.push(value);
        }
    });
    (outcome.unwrap().trace_hash, lags)
}

#[test]
fn lag_is_looked_at_without_a_trace_and_for_a_verdict_only_where_a_limit_is_on_it() {
    let free = plan("consumer-crash.yaml", None, CRASHES, 3);
    let limit = r#"expect.thresholds={"lag_peak{group:consumer-db}": ["value<1000000"]}"#;
    let limited = plan(
        "consumer-crash.yaml",
        None,
        &[CRASHES, &[limit]].concat(),
        3,
    );
    let (trace, told) = lags(&free, Detail::Full);
    // Down for a second at 300 events a second.
    let peak = told.iter().copied().fold(0.0, f64::max);
    assert!(peak > 150.0, "{told:?}");
    assert_eq!(told.last(), Some(&0.0), "{told:?}");
    assert_eq!(lags(&free, Detail::Verdict), (trace, Vec::new()));
    assert_eq!(lags(&limited, Detail::Verdict), (trace, told));
}

#[test]
fn clocks_that_are_wrong_show_in_what_goes_by_them_and_in_nothing_else() {
    let says = |told: &Told, what: [&str; 2]| {
        let all = |text: &String| what.iter().all(|part| text.contains(part));
        assert!(told.evidence.iter().any(all), "{:?}", told.evidence);
    };
    let users = |told: &Told| told.stored.get(&0).map_or(0, BTreeMap::len);
    let told = run(&plan("sim/clocks.yaml", None, &[], 7));
    says(&told, ["producer/0", " 90000 ms off"]);
    says(&told, ["producer/0", "-90000 ms off"]);
    assert!(users(&told) >= told.accepted.len());
    for (variant, process) in [
        ("stale-by-clock", "producer/0"),
        ("own-clock-ahead", "consumer-db/0"),
    ] {
        let told = run(&plan("sim/clocks.yaml", Some(variant), &[], 7));
        says(&told, [process, "90000 ms off"]);
        let (users, accepted) = (users(&told), told.accepted.len());
        assert!(users > 0 && users + 100 < accepted, "{users} of {accepted}");
    }
}

#[test]
fn a_broker_is_back_when_it_is_unfenced() {
    for kill in ["kill", "power_loss", "restart"] {
        let length = if kill == "restart" { "" } else { "for: 1s, " };
        let fault = format!("faults=[{{name: gone, at: 2s, {length}{kill}: broker(1)}}]");
        let plan = plan("sim/brokers.yaml", None, &["nemesis=null", &fault], 1);
        let mut told = Vec::new();
        let mut take = |event| {
            let Event::Note(note) = event else { return };
            match note.what {
                What::Fault { state, .. } => told.push(format!("{state:?}")),
                What::Fact(fact) if fact.kind == "unfenced" && fact.text == "broker 1" => {
                    told.push(fact.kind);
                }
                _ => {}
            }
        };
        squall_sim::run(&plan, &mut take).unwrap();
        let find = |what: &str| told.iter().rposition(|one| one == what);
        let (injected, healed) = (find("Injected"), find("Healed"));
        assert!(injected.is_some() && healed.is_some(), "{kill}: {told:?}");
        let unfenced = find("unfenced");
        assert!(injected < unfenced && unfenced < healed, "{kill}: {told:?}");
    }
}

#[test]
fn a_burst_at_the_very_end_of_the_load_is_offered_whole() {
    let stages = "load.stages=[{rate: 50/s, for: 1s}, {burst: 40}]";
    let told = run(&plan("sim/log.yaml", None, &[stages, "nemesis={}"], 3));
    assert_eq!(told.counts[&(Kind::Offered, 0)], 90);
    assert_eq!(told.unsound, [""; 0]);
}

#[test]
fn what_happens_to_links_and_stopped_processes_bites_and_heals() {
    for (file, faults) in [
        ("broker-pause.yaml", 1),
        ("flapping-link.yaml", 1),
        ("slow-network.yaml", 3),
        ("partition-loss.yaml", 2),
        ("broken-requests.yaml", 6),
        ("rolling-restart.yaml", 1),
        ("rolling-deploy.yaml", 2),
        ("scale-out-under-load.yaml", 6),
    ] {
        let told = run(&plan(
            file,
            None,
            &["load.stages=[{rate: 40/s, for: 24s}]"],
            4,
        ));
        let bit = |text: &&String| text.starts_with("bit:");
        assert_eq!(
            told.evidence.iter().filter(bit).count(),
            faults,
            "{file}: {:?}",
            told.evidence
        );
        assert_eq!(told.unsound, [""; 0], "{file}");
        let harm = [told.lost(0), told.lost(1), told.doubled(0)];
        assert_eq!(harm, [0; 3], "{file}");
    }
}

/// A service's process, a line that is slow, and connections that are reset, on a system that must bear them.
#[test]
fn a_stopped_service_a_narrow_line_and_resets_lose_nothing() {
    for fault in [
        "pause: consumer-db",
        "stop: consumer-db",
        "slow_start: consumer-db",
        "down: broker(1)",
        "bandwidth: { from: brokers, to: consumer-db, rate: 4KiB/s }",
        "reset_peer: { from: consumer-db, to: brokers }",
        "drop: { from: brokers, to: producer, how: reset }",
        "drop: { from: broker(1), to: brokers, how: reset }",
        "lose_answer: { from: producer, to: brokers, api: Produce, share: 20% }",
        "cut_request: { from: consumer-db, to: brokers, api: Fetch, share: 30% }",
        "withhold_answers: { from: consumer-db, to: coordinator(consumer-db), api: OffsetCommit, reset_after: 500ms }",
        "answer_error: { from: producer, to: brokers, api: Produce, error: NOT_LEADER_OR_FOLLOWER, share: 30% }",
        "delay_requests: { from: consumer-db, to: brokers, api: OffsetCommit, by: 300ms }",
    ] {
        let faults = format!("faults=[{{name: one, at: 2s, for: 3s, {fault}}}]");
        let sets = [
            "load.stages=[{rate: 100/s, for: 8s}]",
            &faults,
            "expect.thresholds={}",
        ];
        let plan = plan("consumer-crash.yaml", None, &sets, 5);
        let (told, again) = (run(&plan), run(&plan));
        let bit = |text: &String| text.starts_with("bit:");
        assert!(
            told.evidence.iter().any(bit),
            "{fault}: {:?}",
            told.evidence
        );
        assert_eq!(told.unsound, [""; 0], "{fault}");
        let harm = [told.lost(0), told.lost(1), told.doubled(0)];
        assert_eq!(harm, [0; 3], "{fault}");
        assert!(told.bytes == again.bytes, "{fault}: one seed, one history");
    }
}
