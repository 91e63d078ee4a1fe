//! The embedded cluster as an environment: faults that really move leaders, seen through its facts.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use squall::environment::network::End;
use squall::environment::notes::Notes;
use squall::environment::served::{SinkAt, past_the_faults};
use squall::environment::supervision::ReplicaId;
use squall::environment::{Environment, embedded};
use squall::faults::{Schedule, fault_health};
use squall_check::{FaultHealth, Shown};
use squall_history::What;
use squall_plan::Plan;
use squall_plan::scenario::{Files, Request, from_text};
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use supervision_support::eventually;
use tempfile::TempDir;

const SYSTEM: &str = r#"
squall-system: 1
name: idle
description: A service that does nothing.
services:
  idle: { command: [sleep, "1000"], environment: { SMTP: "{{sink.mailbox}}" } }
entry:
  topic: { name: signups, id: key }
  body: "{{id}}"
topics:
  signups: { partitions: 6, replicas: 3, min.insync.replicas: 2 }
sinks:
  files: { directory: "{{run}}/files", id: file-name, semantics: at-least-once }
  mailbox: { directory: "{{run}}/mail", serve: smtp, id: file-name, semantics: at-least-once }
"#;

const SCENARIO: &str = r#"
squall: 1
name: idle
description: A leader dies and comes back.
system: { use: systems/idle.yaml }
bus:
  kafka:
    brokers: 3
    broker: { broker.session.timeout.ms: 3000, broker.heartbeat.interval.ms: 200 }
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
    plan_of(SCENARIO)
}

fn plan_of(scenario: &str) -> Plan {
    let scenario = from_text("idle.yaml", scenario, &Request::default(), &SystemFile);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    Plan::derive(&scenario, 7, squall_plan::plan::Environment::Embedded).unwrap()
}

/// The services and brokers of a plan, and the notes of its run.
fn begin(plan: &Plan, folder: &TempDir) -> (Arc<dyn Environment>, Arc<dyn Notes>, Arc<Seen>) {
    let seen = Arc::new(Seen {
        started: Instant::now(),
        notes: Mutex::default(),
    });
    let notes: Arc<dyn Notes> = Arc::<Seen>::clone(&seen);
    let squall = Some(env!("CARGO_BIN_EXE_squall").into());
    let site = embedded::start_with(plan, folder.path(), Arc::clone(&notes), squall).unwrap();
    let env: Arc<dyn Environment> = Arc::new(site);
    env.start_services().unwrap();
    (env, notes, seen)
}

#[test]
fn a_killed_leader_is_seen_to_move_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan();
    let (env, notes, seen) = begin(&plan, &folder);
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

/// Greeted by the mail server, so that it has taken the connection.
fn greeted(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.read_exact(&mut [0; 3]).unwrap();
    stream
}

#[test]
fn whoever_reaches_a_mail_server_past_the_proxy_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (env, ..) = begin(&plan(), &folder);
    let idle = End::Replica(ReplicaId::new("idle", 0));
    let way = env.network().sink_address(&idle, "mailbox").unwrap();
    let through_proxy = greeted(way.unwrap().parse().unwrap());
    assert_eq!(past_the_faults(&*env), Vec::<String>::new());

    let Some(SinkAt::Mail(server)) = env.sink("mailbox") else {
        panic!("the mailbox is served");
    };
    let past = greeted(server.address());
    let told = past_the_faults(&*env);
    assert_eq!(told.len(), 1);
    let text = "1 of 2 connections to sink mailbox did not pass the fault proxy";
    assert!(told[0].starts_with(text), "{}", told[0]);
    drop((through_proxy, past));
    env.tear_down().unwrap();
}

/// A fault at the leader of a partition of which a producer goes on writing, until it has bitten; then healed.
fn bitten(fault: &str) -> FaultHealth {
    let folder = tempfile::tempdir().unwrap();
    let scenario = SCENARIO.replace(
        "kill: leader(signups/0), prove: [leader-moved, isr-shrank]",
        fault,
    );
    let plan = plan_of(&scenario);
    let (env, notes, seen) = begin(&plan, &folder);
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", env.bus().bootstrap());
    let producer: BaseProducer = settings.create().unwrap();
    let schedule = Schedule::start(&plan.faults, &env, &notes, Instant::now()).unwrap();
    let health = || {
        let notes = seen.notes.lock().unwrap();
        fault_health(&plan.faults, notes.iter())
            .remove("leader-lost")
            .unwrap()
    };
    let shown =
        |health: &FaultHealth| health.bit.is_shown() && health.proofs.values().all(Shown::is_shown);
    eventually("it bites and has its consequence", || {
        let event = BaseRecord::<(), str>::to("signups").partition(0);
        let _ = producer.send(event.payload("event"));
        producer.poll(Duration::ZERO);
        shown(&health())
    });
    schedule.finish();
    env.bus().await_in_sync(Duration::from_secs(40)).unwrap();
    producer.flush(Duration::from_secs(40)).unwrap();
    drop(producer);
    env.tear_down().unwrap();
    health()
}

#[test]
fn a_full_disk_halts_the_broker_until_there_is_room() {
    let health = bitten("disk_full: leader(signups/0), prove: [leader-moved, isr-shrank]");
    assert!(health.healed.is_shown(), "{health:?}");
}

#[test]
fn a_slow_disk_shows_by_the_writes_that_waited() {
    let health = bitten("disk_slow: { broker: leader(signups/0), by: 100ms }");
    assert!(health.healed.is_shown(), "{health:?}");
}
