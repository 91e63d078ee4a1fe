use super::*;
use crate::fault::{Fault, KINDS, Target, Terms, ways};
use crate::plan::Environment;
use crate::scenario::{Files, Request, Scenario, from_text};
use std::collections::BTreeSet;

struct NoFiles;

impl Files for NoFiles {
    fn find(&self, _: &str) -> std::io::Result<(String, String)> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

const SCENARIO: &str = "
squall: 1
name: random
system:
  use:
    squall-system: 1
    name: mine
    services:
      app: { command: [app], ports: { one: 1 }, group: apps }
      idle: { command: [app] }
    entry: { http: { path: /e, service: app }, body: 'text {{id}}' }
    topics: { t: { partitions: 4 } }
    sinks: { s: { directory: e }, rows: { sqlite: d, table: t, id: i } }
  scale: { app: 3, idle: 0 }
load: { stages: [{ rate: 10/s, for: 60s }] }
";

fn scenario() -> Scenario {
    let request = Request {
        variant: None,
        sets: Vec::new(),
    };
    from_text("random.yaml", SCENARIO, &request, &NoFiles).unwrap_or_else(|why| panic!("{why}"))
}

const END_NS: u64 = 60 * SECOND_NS;

fn drawn(nemesis: &Nemesis, seed: u64) -> Vec<Fault> {
    draw(nemesis, &scenario(), seed, Environment::Embedded, END_NS)
}

fn end(fault: &Fault) -> u64 {
    fault.at_ns + fault.for_ns.unwrap()
}

#[test]
fn a_seed_is_a_schedule_and_another_seed_another() {
    let nemesis = Nemesis::default();
    assert_eq!(drawn(&nemesis, 7), drawn(&nemesis, 7));
    assert_ne!(drawn(&nemesis, 7), drawn(&nemesis, 8));
}

#[test]
fn bounds_hold_for_every_seed() {
    let nemesis = Nemesis {
        at_most: 2,
        ..Nemesis::default()
    };
    for seed in 0..300 {
        let faults = drawn(&nemesis, seed);
        for fault in &faults {
            assert!(end(fault) <= END_NS, "{fault:?} heals before the load ends");
            let length = fault.for_ns.unwrap();
            let lasts = fault.kind.row().lasts;
            assert!(!lasts || (nemesis.shortest_ns..=nemesis.longest_ns).contains(&length));
            let other_at_once = |at: u64| {
                let others = faults.iter().filter(|other| other.name != fault.name);
                others
                    .filter(|other| other.at_ns <= at && at < end(other))
                    .count()
            };
            assert!(other_at_once(fault.at_ns) < 2, "seed {seed}: {fault:?}");
        }
    }
}

#[test]
fn at_most_one_broker_is_away_and_nobody_that_does_not_run_is_hit() {
    let nemesis = Nemesis {
        at_most: 5,
        every_ns: SECOND_NS / 2,
        ..Nemesis::default()
    };
    let of_broker =
        |fault: &&Fault| !matches!(fault.target, Target::Service { .. } | Target::Sink(_));
    for seed in 0..300 {
        let faults = drawn(&nemesis, seed);
        for fault in faults.iter().filter(of_broker) {
            let at_broker = faults.iter().filter(of_broker);
            let at_once =
                at_broker.filter(|other| other.at_ns <= fault.at_ns && fault.at_ns < end(other));
            assert!(at_once.count() <= 1, "seed {seed}: {fault:?}");
        }
        for fault in &faults {
            assert!(
                !matches!(&fault.target, Target::Service { service, .. } if service == "idle"),
                "{fault:?}"
            );
            if let Target::Service {
                replica: Some(replica),
                ..
            } = fault.target
            {
                assert!(replica < 3);
            }
        }
    }
}

#[test]
fn every_ordinary_kind_of_the_environment_comes_up_and_no_other() {
    let seen: BTreeSet<FaultKind> = (0..200)
        .flat_map(|seed| drawn(&Nemesis::default(), seed))
        .map(|fault| fault.kind)
        .collect();
    let expected: BTreeSet<FaultKind> = Nemesis::ordinary()
        .filter(|kind| kind.injectable_in(Environment::Embedded))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn nothing_is_drawn_that_the_environment_refuses_or_that_meets_nobody() {
    for on in Environment::ALL {
        let kinds = KINDS.iter().filter(|row| row.drawable());
        let nemesis = Nemesis {
            kinds: kinds
                .map(|row| row.kind)
                .filter(|kind| kind.injectable_in(on))
                .collect(),
            every_ns: SECOND_NS / 2,
            ..Nemesis::default()
        };
        let scenario = scenario();
        for seed in 0..200 {
            for fault in draw(&nemesis, &scenario, seed, on, END_NS) {
                assert_eq!(fault.refused_in(on), None, "seed {seed}: {fault:?}");
                assert!(ways::lead_somewhere(&fault.target, &fault.terms, true));
            }
        }
    }
}

#[test]
fn named_kinds_alone_are_drawn() {
    let nemesis = Nemesis {
        kinds: vec![FaultKind::Isolate, FaultKind::PowerLoss],
        ..Nemesis::default()
    };
    let faults: Vec<Fault> = (0..50).flat_map(|seed| drawn(&nemesis, seed)).collect();
    let kinds: BTreeSet<FaultKind> = faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([FaultKind::Isolate, FaultKind::PowerLoss])
    );
    assert!(
        faults
            .iter()
            .any(|fault| matches!(fault.terms, Terms::Apart { .. }))
    );
}
