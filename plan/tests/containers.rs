//! Sinks whose servers are containers, and sinks that a scenario lays over its system's own.
#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Request, Scenario, from_text};
use squall_plan::system::SinkStore;
use support::{Memory, sets};

const SCENARIO: &str = "\
squall: 1
name: caught
system:
  use: systems/signup.yaml
  sinks: { users: { postgres: signup }, mailbox: { mails: mailpit } }
  env:
    consumer-db: { DATABASE_URL: \"postgres://squall:squall@{{sink.users}}/signup\" }
    consumer-email: { SMTP_URL: \"smtp://{{sink.mailbox}}\" }
load: { stages: [{ rate: 10/s, for: 10s }] }
faults:
  - { name: away, at: 1s, for: 1s, sink_down: users }
  - { name: slow, at: 3s, for: 1s, sink_slow: { sink: mailbox, by: 5ms } }
  - { name: cut-off, at: 5s, for: 1s, isolate: { target: consumer-db, from: sink(users) } }
";

fn read(request: &Request) -> Result<Scenario, String> {
    let files = Memory(String::new());
    from_text("caught.yaml", SCENARIO, request, &files).map_err(|problems| problems.to_string())
}

fn derive(request: &Request, environment: Environment) -> Result<Plan, String> {
    Plan::derive(&read(request)?, 1, environment).map_err(|problems| problems.to_string())
}

#[test]
fn another_store_takes_the_place_of_the_one_that_is_there_and_the_rest_stays() {
    let plan = derive(&Request::default(), Environment::Docker).unwrap();
    let users = plan.system.spec.sink("users").unwrap();
    let rows = SinkStore::Postgres {
        database: "signup".to_owned(),
        table: "users".to_owned(),
        column: "event_id".to_owned(),
    };
    assert_eq!(
        (&users.store, users.group.as_deref()),
        (&rows, Some("consumer-db"))
    );
    assert!(users.dead_letters.is_some());
    let mailbox = plan.system.spec.sink("mailbox").unwrap();
    assert!(matches!(mailbox.store, SinkStore::Mails(_)) && mailbox.served.is_none());
}

#[test]
fn containers_are_refused_where_there_are_none() {
    for environment in [
        Environment::Embedded,
        Environment::Sim,
        Environment::External,
    ] {
        let told = derive(&Request::default(), environment).unwrap_err();
        assert!(told.contains("start the server of sink `users`"), "{told}");
    }
}

#[test]
fn a_server_that_no_service_is_told_of_is_refused() {
    let untold = sets(&["system.env={}", "faults=[]"]);
    let told = derive(&untold, Environment::Docker).unwrap_err();
    assert!(told.contains("fill sink `users`"), "{told}");
    assert!(told.contains("smtp://{{sink.mailbox}}"), "{told}");
}

#[test]
fn what_such_a_sink_cannot_be_is_told() {
    let tries = [
        ("system.sinks.user={postgres: d}", "unknown sink `user`"),
        ("system.sinks.users={postgres: d, sqlite: e}", "sqlite"),
        (
            "system.sinks.users={postgres: d, query: select 1}",
            "`query` belongs to sqlite sinks",
        ),
        (
            "system.sinks.mailbox={mails: mailpit, id: body}",
            "nothing of that kind",
        ),
        (
            "system.sinks.mailbox={postgres: d}",
            "does not say where the ids are",
        ),
        (
            "faults=[{ name: busy, at: 1s, sink_error: { sink: mailbox, share: 10% } }]",
            "answers is its own",
        ),
    ];
    for (set, wanted) in tries {
        let told = read(&sets(&[set])).unwrap_err();
        assert!(told.contains(wanted), "{set}: {told}");
    }
}
