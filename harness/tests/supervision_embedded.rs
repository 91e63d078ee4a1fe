//! The embedded cluster as an environment: faults that really move leaders, seen through its facts.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use squall::environment::notes::Notes;
use squall::environment::{Environment, embedded};
use squall::faults::{Schedule, fault_health};
use squall_check::Shown;
use squall_history::What;
use squall_plan::Plan;
use squall_plan::scenario::{Files, Request, from_text};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use supervision_support::eventually;

const SYSTEM: &str = r#"
squall-system: 1
name: idle
description: A service that does nothing.
services:
  idle: { command: [sleep, "1000"] }
entry:
  topic: { name: signups, id: key }
  body: "{{id}}"
topics:
  signups: { partitions: 6, replicas: 3, min.insync.replicas: 2 }
sinks:
  files: { directory: "{{run}}/files", id: file-name, semantics: at-least-once }
"#;

const SCENARIO: &str = r#"
squall: 1
name: idle
description: A leader dies and comes back.
system: { use: systems/idle.yaml }
bus:
  kafka:
    brokers: 3
    broker: { broker.session.timeout.ms: 1000, broker.heartbeat.interval.ms: 200 }
load:
  stages: [{ rate: 1/s, for: 60s }]
faults:
  - { name: leader-lost, at: 0s, for: 60s, kill: leader(signups/0), prove: [leader-moved, isr-shrank] }
expect:
  sinks: { files: at-least-once }
"#;

struct SystemFile;

impl Files for SystemFile {
    fn find(&self, _: &str) -> std::io::Result<(String, String)> {
        Ok((SYSTEM.to_owned(), "systems".to_owned()))
    }
}

struct Seen {
    started: Instant,
    notes: Mutex<Vec<What>>,
}

impl Notes for Seen {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap()
    }
    fn note_at(&self, _: Instant, what: What) {
        self.notes.lock().unwrap().push(what);
    }
}

fn plan() -> Plan {
    let scenario = from_text("idle.yaml", SCENARIO, &Request::default(), &SystemFile);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    Plan::derive(&scenario, 7, squall_plan::plan::Environment::Embedded).unwrap()
}

#[test]
fn a_killed_leader_is_seen_to_move_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen {
        started: Instant::now(),
        notes: Mutex::default(),
    });
    let notes: Arc<dyn Notes> = Arc::<Seen>::clone(&seen);
    let plan = plan();
    let squall = Some(env!("CARGO_BIN_EXE_squall").into());
    let site = embedded::start_with(&plan, folder.path(), Arc::clone(&notes), squall).unwrap();
    let env: Arc<dyn Environment> = Arc::new(site);
    env.start_services().unwrap();
    assert_eq!(env.bus().bootstrap().split(',').count(), 3);
    let leader = || {
        let leaders = env.bus().leaders().into_iter();
        leaders
            .filter(|known| known.topic == "signups" && known.partition == 0)
            .find_map(|known| known.leader)
    };
    eventually("signups/0 has a leader", || leader().is_some());
    let first = leader().unwrap();
    let address = env.bus().address(first).unwrap();
    assert!(TcpStream::connect(address).is_ok());

    let coordinator = || env.bus().coordinator("some-group");
    eventually("a coordinator", || coordinator().is_some_and(|id| id <= 3));

    let schedule = Schedule::start(&plan.faults, &env, &notes, Instant::now()).unwrap();
    let health = || {
        let notes = seen.notes.lock().unwrap();
        fault_health(&plan.faults, notes.iter())
            .remove("leader-lost")
            .unwrap()
    };
    eventually("it bites", || health().bit.is_shown());
    assert!(TcpStream::connect(address).is_err());
    eventually("the leader moves", || {
        health().proofs.values().all(Shown::is_shown)
    });
    assert_ne!(leader(), Some(first));
    schedule.heal();
    assert!(TcpStream::connect(address).is_ok());
    schedule.finish();
    assert!(health().healed.is_shown());

    let torn = env.tear_down().unwrap();
    assert!(torn.swept.left.is_empty());
    let notes = seen.notes.lock().unwrap();
    let elected = |what: &What| matches!(what, What::Fact(fact) if fact.kind == "elected");
    assert!(notes.iter().filter(|what| elected(what)).count() > 6);
    assert!(
        !notes
            .iter()
            .any(|what| matches!(what, What::Problem { .. }))
    );
}
