//! From a scenario's text to running services: templates, ports, readiness, order, tear-down.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use squall::environment::bus::{Bus, Leadership};
use squall::environment::network::{End, Network, Treated};
use squall::environment::notes::Notes;
use squall::environment::site::{Site, SiteParts};
use squall::environment::{Environment, EnvironmentError};
use squall_history::{ServiceState, What};
use squall_plan::Plan;
use squall_plan::fault::Treatment;
use squall_plan::scenario::{Files, Request, from_text};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use supervision_support::{eventually, living_with};

/// A bus that only has an address.
struct Address;

impl Bus for Address {
    fn bootstrap(&self) -> String {
        "127.0.0.1:9,127.0.0.1:10".to_owned()
    }
    fn address(&self, _: u32) -> Option<SocketAddr> {
        None
    }
    fn leaders(&self) -> Vec<Leadership> {
        Vec::new()
    }
    fn brokers(&self) -> Vec<u32> {
        vec![1, 2, 3]
    }

    fn followers(&self, _: &str, _: u32) -> Vec<u32> {
        vec![3]
    }

    fn coordinator(&self, _: &str) -> Option<u32> {
        None
    }
    fn controller(&self) -> Option<u32> {
        None
    }
    fn kill(&self, _: u32) -> Result<(), String> {
        Err("it has no brokers".to_owned())
    }
    fn start_broker(&self, _: u32) -> Result<(), String> {
        Err("it has no brokers".to_owned())
    }
    fn shut_down(&self) {}
}

/// Nobody is connected to anybody.
struct NoConnections;

impl Network for NoConnections {
    fn bootstrap(&self, _: &End) -> Result<String, String> {
        Ok(Address.bootstrap())
    }

    fn treat(&self, _: &End, _: &End, _: &Treatment) -> Result<Option<Box<dyn Treated>>, String> {
        Ok(None)
    }

    fn passed_bytes(&self, _: &End) -> u64 {
        0
    }

    fn close(&self, to: &End) -> Result<Vec<Box<dyn Treated>>, String> {
        Err(format!("nobody connects to {to}"))
    }
}

struct Seen {
    started: Instant,
    services: Mutex<Vec<(String, ServiceState)>>,
}

impl Notes for Seen {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap()
    }
    fn note_at(&self, _: Instant, what: What) {
        if let What::Service {
            name,
            replica,
            state,
            ..
        } = what
        {
            let name = format!("{name}/{replica}");
            self.services.lock().unwrap().push((name, state));
        }
    }
}

struct SystemFile(String);

impl Files for SystemFile {
    fn find(&self, _: &str) -> std::io::Result<(String, String)> {
        Ok((self.0.clone(), "systems".to_owned()))
    }
}

/// The first service is this test program, as an HTTP server; the second tells what it was given.
const SYSTEM: &str = r#"
squall-system: 1
name: told
description: A server and a service that tells what it was given.
services:
  server:
    command: ["SELF", "--ignored", "--exact", "server_program"]
    ports: { http: 3000, spare: 3001 }
    ready: { http: /ready, port: http }
    environment: { SQUALL_TEST_PORT: "{{port.http}}", OTHER: "{{port.spare}}" }
  told:
    command: [/bin/sh, -c, "env; echo \"arguments $@\"; exec sleep 1000", sh, "{{service}}-{{replica}}"]
    ready: { log: arguments }
    replicas: 2
    group: told-group
    environment:
      BROKERS: "{{bootstrap}}"
      RUN: "{{run}}"
      SEED: "{{seed}}"
      CLIENT: "{{client}}"
      GROUP: "{{group}}"
      BUGS: "{{bugs}}"
      SQUALL: "{{squall}}"
      LAYER: system
      OVER: system
    bugs:
      sloppy: { description: Does sloppy work., environment: { LAYER: bug, OVER: bug }, arguments: [--sloppy] }
      lazy: { description: Does no work. }
entry:
  http: { service: server, path: /event, id: { json: /id } }
  body: { id: "{{id}}" }
topics:
  t: { partitions: 1 }
sinks:
  files: { directory: "{{run}}/files", id: file-name, semantics: at-least-once }
"#;

const SCENARIO: &str = r#"
squall: 1
name: told
description: Tells.
system:
  use: systems/told.yaml
  bugs: [sloppy]
  env: { told: { OVER: scenario } }
bus:
  kafka: { client: { acks: all, linger.ms: 3 } }
load:
  stages: [{ rate: 1/s, for: 1s }]
expect:
  sinks: { files: at-least-once }
"#;

fn plan(system: &str) -> Plan {
    let own = std::env::current_exe().unwrap();
    let files = SystemFile(system.replace("SELF", own.to_str().unwrap()));
    let scenario = from_text("told.yaml", SCENARIO, &Request::default(), &files);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    Plan::derive(&scenario, 77, squall_plan::plan::Environment::Embedded).unwrap()
}

fn site(system: &str, folder: &std::path::Path) -> (Result<Site, EnvironmentError>, Arc<Seen>) {
    let parts = SiteParts {
        served: Default::default(),
        name: "test",
        bus: Arc::new(Address),
        network: Box::new(NoConnections),
        happenings: Arc::default(),
        squall: Some(env!("CARGO_BIN_EXE_squall").into()),
    };
    let seen = Arc::new(Seen {
        started: Instant::now(),
        services: Mutex::default(),
    });
    let notes: Arc<dyn Notes> = Arc::<Seen>::clone(&seen);
    (Site::new(&plan(system), folder, parts, notes), seen)
}

#[test]
#[ignore = "the service that the other tests start"]
fn server_program() {
    let Ok(port) = std::env::var("SQUALL_TEST_PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for (count, stream) in listener.incoming().enumerate() {
        let mut stream = stream.unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /ready HTTP/1.1\r\n"));
        // Not ready at first.
        let status = if count < 2 { "503 Wait" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn services_get_what_their_templates_ask_for_and_start_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (site, seen) = site(SYSTEM, folder.path());
    let site = site.unwrap();
    site.start_services().unwrap();

    let log = fs::read_to_string(folder.path().join("logs/told-1.log")).unwrap();
    let lines: BTreeSet<&str> = log.lines().collect();
    let run = folder.path().display();
    let squall = env!("CARGO_BIN_EXE_squall");
    for wanted in [
        "BROKERS=127.0.0.1:9,127.0.0.1:10",
        &format!("RUN={run}"),
        &format!("PWD={run}"),
        &format!("SQUALL={squall}"),
        "SEED=77",
        "CLIENT=acks=all,linger.ms=3",
        "GROUP=told-group",
        "BUGS=sloppy",
        "LAYER=bug",
        "OVER=scenario",
        "arguments told-1 --sloppy",
    ] {
        assert!(lines.contains(wanted), "{wanted} is not in\n{log}");
    }
    let ports: BTreeSet<u16> = ["http", "spare"]
        .iter()
        .flat_map(|port| site.endpoints("server", port))
        .map(|address| address.port())
        .collect();
    assert_eq!(ports.len(), 2);
    assert_eq!(site.fill("{{run}}/files").unwrap(), format!("{run}/files"));
    assert!(matches!(
        site.fill("{{port}}"),
        Err(EnvironmentError::Template { .. })
    ));
    assert_eq!(site.group_of("told"), Some("told-group"));

    let marker = site.supervisor().marker();
    let torn = site.tear_down().unwrap();
    assert!(
        torn.forced.is_empty() && torn.swept.ended.is_empty(),
        "{torn:?}"
    );
    assert!(living_with(&marker).is_empty());
    let (starting, ready) = (ServiceState::Starting, ServiceState::Ready);
    let mut order = seen.services.lock().unwrap().clone();
    assert_eq!(order.split_off(6).len(), 3, "three have ended");
    let name = |name: &str, state| (name.to_owned(), state);
    assert_eq!(
        order[..2],
        [name("server/0", starting), name("server/0", ready)]
    );
    assert_eq!(
        order[2..4],
        [name("told/0", starting), name("told/1", starting)]
    );
    assert_eq!(order[4..], [name("told/0", ready), name("told/1", ready)]);
}

#[test]
fn a_site_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(SYSTEM, folder.path()).0.unwrap();
    site.start_services().unwrap();
    let marker = site.supervisor().marker();
    assert!(living_with(&marker).len() >= 3);
    drop(site);
    assert!(living_with(&marker).is_empty());
}

#[test]
fn a_service_that_cannot_start_ends_the_start_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let system = SYSTEM.replace("[/bin/sh, -c,", "[/bin/nosuchshell, -c,");
    let site = site(&system, folder.path()).0.unwrap();
    let text = site.start_services().unwrap_err().to_string();
    assert_eq!(
        text,
        "cannot start told/0: the program `/bin/nosuchshell` was not found"
    );
    let marker = site.supervisor().marker();
    eventually("the server runs", || living_with(&marker).len() == 1);
}
