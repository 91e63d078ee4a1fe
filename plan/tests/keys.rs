//! Every key that the shape knows does something: it changes what is read.

mod support;

use squall_plan::fault::KINDS;
use squall_plan::scenario::{Request, Scenario, from_text};
use squall_plan::shape::{self, Shape};
use std::collections::BTreeSet;
use support::Memory;

/// A value for each key. Where two keys exclude each other, several lines are separate tries.
const SCENARIO: &[&str] = &[
    "name=other",
    "description=other",
    "system.scale.consumer-db=2",
    "system.bugs=[acks-1]",
    "system.env.producer.A=b",
    "system.sinks.users={sqlite: d, query: select 1}",
    "system.sinks.users={postgres: d, table: t}",
    "system.sinks.users={topic: signups, id: {header: x}}",
    "system.sinks.users={http: /e, id: {json: /id}}",
    "system.sinks.mailbox={directory: d, serve: smtp}",
    "system.sinks.mailbox={mails: mailpit}",
    "system.sinks.users.group=consumer-email",
    "system.sinks.users.events=[a]",
    "system.sinks.users.dead_letters={topic: signups.email.dead}",
    "system.sinks.users.semantics=at-least-once",
    "bus.kafka.brokers=5",
    "bus.kafka.topics.signups.partitions=7",
    "bus.kafka.topics.signups.replicas=2",
    "bus.kafka.topics.signups.min.insync.replicas=1",
    "bus.kafka.broker.broker.session.timeout.ms=3000",
    "bus.kafka.client.linger.ms=9",
    "bus.kafka.external.sasl.username=jo",
    "bus.kafka.links.latency=1ms",
    "bus.kafka.links.bandwidth=1MB/s",
    "load.name=other",
    "load.http=PUT producer/other",
    "load.topic=signups",
    "load.headers.x=y",
    "load.body=other",
    "load.size=1KiB",
    "load.key=\"{{id}}\"",
    "load.keys={zipf: 2, count: 10}",
    "load.keys={uniform: 10}",
    "load.keys={sequential: 10}",
    "load.arrival=poisson",
    "load.stages=[{rate: 7/s, for: 7s}]",
    "load.stages=[{ramp: {from: 1/s, to: 2/s}, for: 7s}]",
    "load.stages=[{burst: 8}, {pause: 2s}]",
    "load.stages=[{sine: {mean: 5/s, amplitude: 5/s, period: 1s}, for: 3s}]",
    "load.expect=nothing",
    "load.timeout=1s",
    "load.connections=3",
    "faults=[{name: one, at: 1s, for: 1s, crash: consumer-db, prove: [process-restarted]}]",
    "faults=[{name: one, at: 1s, restart: consumer-db}]",
    "faults=[{name: one, at: 1s, kill: broker(2)}]",
    "faults=[{name: one, at: 1s, isolate: leader(signups/0)}]",
    "nemesis=random",
    "nemesis.kinds=[crash]",
    "nemesis.every=9s",
    "nemesis.shortest=2s",
    "nemesis.longest=9s",
    "nemesis.at_most=3",
    "nemesis.brokers_at_most=2",
    "nemesis.only=[random-1-crash]",
    "nemesis.calm=1s",
    "nemesis.quiet=1s",
    "nemesis.style=swarm",
    "nemesis.power_loss_at=one-broker",
    "expect.verdict=violated",
    "expect={verdict: violated, anomalies: [stuck]}",
    "expect.sinks.users=at-most-once",
    "expect.order=[users]",
    "expect.dead_letters=expected-only",
    "expect.thresholds.drain_ms=value<5",
    "expect.thresholds.drain_ms={limit: value<5, level: warn}",
    "expect.thresholds.drain_ms=[{limit: value<5, in: [sim]}, value<9]",
    "expect.invariants.one={sql: SELECT 1, database: \"{{run}}/x.db\", rows: [1, [2, 3]], level: warn}",
    "expect.invariants.two={command: [check, \"{{run}}\"], within: 1s, exit: 3, output: fine, in: [embedded]}",
    "expect.rate=50%",
    "expect.pacing=2s",
    "expect.http_error_rate=5%",
    "abort_if.error_share=value>0.5",
    "abort_if.lag{group:consumer-db}={limit: value>9, for: 1s}",
    "timing.ready=3s",
    "timing.steady=3s",
    "timing.warm_up=3s",
    "timing.drain=3s",
    "sim.events=77",
];

/// The same for system files, within a scenario that has its system inline.
const SYSTEM: &[&str] = &[
    "name=other",
    "description=other",
    "services.app.command=[other]",
    "services.app.environment.A=b",
    "services.app.directory=other",
    "services.app.ready={http: /r, port: two}",
    "services.app.ready={log: up}",
    "services.app.ready=port",
    "services.app.ready_within=9s",
    "services.app.ports={one: 1, two: 3}",
    "services.app.replicas=2",
    "services.app.group=others",
    "services.app.bugs=[one]",
    "services.app.bugs={one: {description: d, environment: {A: b}, arguments: [c]}}",
    "services.app.stop_timeout=1s",
    "entry.http.method=PUT",
    "entry.http.path=/other",
    "entry.http.service=second",
    "entry.http.port=two",
    "entry.http.id=body",
    "entry.http.headers.a=b",
    "entry.topic={name: t, id: key, headers: {a: b}}",
    "entry.body=other",
    "topics.t.partitions=9",
    "topics.t.replicas=1",
    "topics.t.min.insync.replicas=1",
    "topics.t.retention.ms=1",
    "sinks.s={directory: d, id: {header: x}}",
    "sinks.s={http: /effects, id: {json: /id}}",
    "sinks.s={sqlite: d, id: x, table: y}",
    "sinks.s={sqlite: d, query: select 1}",
    "sinks.s={topic: t, id: {json: /id}}",
    "sinks.s={directory: e, serve: smtp}",
    "sinks.s={postgres: d, table: t, id: x}",
    "sinks.s={mails: mailpit}",
    "sinks.s.group=apps",
    "servers.db=\"127.0.0.1:5432\"",
    "sinks.s.events=[a]",
    "sinks.s.dead_letters={topic: t, id: body}",
    "sinks.s.semantics=exactly-once",
];

const PLAIN: &str = "
squall: 1
name: plain
system: { use: systems/signup.yaml }
load: { stages: [{ rate: 10/s, for: 10s }] }
";

const INLINE: &str = "
squall: 1
name: inline
system:
  use:
    squall-system: 1
    name: mine
    services:
      app: { command: [app], ports: { one: 1, two: 2 }, group: apps }
      second: { command: [app], ports: 2 }
    entry: { http: { path: /e, service: app }, body: 'text {{id}}' }
    topics: { t: {} }
    sinks: { s: { directory: e } }
load: { stages: [{ rate: 10/s, for: 10s }] }
";

/// Keys that change nothing by themselves, or that other tests try: versions, the system's file, variants.
const WITHOUT_EFFECT: &[&str] = &["squall", "squall-system", "use", "variants", "set"];

fn read(text: &str, set: Option<String>) -> Scenario {
    let request = Request {
        variant: None,
        sets: set.into_iter().collect(),
    };
    from_text("keys.yaml", text, &request, &Memory(String::new()))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// The keys of all objects of a shape.
fn keys(shape: &Shape, found: &mut BTreeSet<&'static str>) {
    match shape {
        Shape::Object(object) => {
            for field in &object.fields {
                found.insert(field.key);
                // The system inside a scenario has its own list.
                if field.key != "use" {
                    keys(&field.shape, found);
                }
            }
        }
        Shape::List(of) | Shape::MapOf(of) => keys(of, found),
        Shape::Either(either) => {
            for shape in [&either.scalar, &either.list, &either.map]
                .into_iter()
                .flatten()
            {
                keys(shape, found);
            }
        }
        _ => {}
    }
}

fn check(text: &str, prefix: &str, sets: &[String], shape: &Shape) {
    let before = read(text, None);
    for set in sets {
        assert_ne!(
            read(text, Some(format!("{prefix}{set}"))),
            before,
            "`{set}` changes nothing"
        );
    }
    let mut known = BTreeSet::new();
    keys(shape, &mut known);
    let tried = |key: &&&str| {
        sets.iter().any(|set| {
            let at = set.find(**key);
            at.is_some_and(|at| !set[at + key.len()..].starts_with(|c: char| c.is_alphanumeric()))
        })
    };
    let untried: Vec<&&str> = known
        .iter()
        .filter(|key| !tried(key) && !WITHOUT_EFFECT.contains(key))
        .collect();
    assert!(untried.is_empty(), "no test tries {untried:?}");
}

#[test]
fn every_key_of_a_scenario_does_something() {
    let faults = KINDS.iter().map(|row| {
        let (key, example) = (row.key, row.example);
        format!("faults=[{{name: one, at: 1s, {key}: {example}}}]")
    });
    let plain = SCENARIO.iter().map(ToString::to_string);
    check(
        PLAIN,
        "",
        &plain.chain(faults).collect::<Vec<_>>(),
        shape::scenario(),
    );
}

#[test]
fn every_key_of_a_system_does_something() {
    let sets: Vec<String> = SYSTEM.iter().map(ToString::to_string).collect();
    check(INLINE, "system.use.", &sets, shape::system());
}

/// The defaults that the schema tells: a run that nobody made milder is held to them.
#[test]
fn events_must_go_out_on_time_unless_said_otherwise() {
    let expect = read(PLAIN, None).expect;
    assert_eq!((expect.rate_min, expect.pacing_ns), (0.99, 50_000_000));
}
