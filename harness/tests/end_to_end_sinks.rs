//! Every kind of sink read to its end, and every expectation met once and broken once, in whole runs of real processes.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Run, command, living, measuring};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use squall::environment::mail_server::MailServer;
use squall_check::{Kind, Op};
use squall_history::{Batch, Reader};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SEED: &str = "7421";
const PARTITIONS: i32 = 4;
const WITHIN: Duration = Duration::from_secs(10);

/// A run of a fixture, whose system may have this program as one of its services.
fn run(fixture: &str, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = command(fixture, &folder, more)
        .args(["--seed", SEED])
        .env("SQUALL_TEST_PROGRAM", std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let run = Run::new(output, folder);
    assert!(living(&run).is_empty(), "{run}");
    run
}

fn held(fixture: &str, more: &[&str]) -> Run {
    let run = run(fixture, more);
    assert_eq!(run.code, Some(0), "{run}");
    run
}

fn violated(fixture: &str, more: &[&str], end: &str) -> Run {
    let run = run(fixture, more);
    assert_eq!(run.code, Some(1), "{run}");
    let last = run.last_line();
    assert!(
        last.starts_with("VIOLATED") && last.contains(end),
        "{end:?} is missing in {run}"
    );
    run
}

/// The report of one sink.
fn sink(run: &Run, name: &str) -> serde_json::Value {
    let report = run.report();
    let sinks = report["sinks"].as_array().unwrap();
    let found = sinks.iter().find(|sink| sink["name"] == name);
    found.unwrap_or_else(|| panic!("no sink {name}")).clone()
}

/// What the history has of one kind.
fn ops(run: &Run, kind: Kind) -> Vec<Op> {
    let mut reader = Reader::open(&run.path()).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        if let Batch::Ops(ops) = batch {
            found.extend(ops.iter().filter(|op| op.kind == kind));
        }
    }
    found
}

#[test]
fn a_topic_is_read_to_where_all_its_logs_end_once_the_services_have_stopped() {
    let run = held("sink-topic.yaml", &[]);
    let ends: BTreeMap<i32, i64> = serde_json::from_str(&run.file("log-ends.json")).unwrap();
    assert_eq!(ends.len(), PARTITIONS as usize);
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for op in ops(&run, Kind::Effect) {
        read.entry(op.partition).or_default().push(op.offset);
    }
    for (partition, end) in ends {
        assert!(end > 0, "the witness wrote to every partition");
        let offsets = read.remove(&partition).unwrap_or_default();
        assert_eq!(offsets, (0..end).collect::<Vec<_>>(), "{partition}");
    }
    let out = sink(&run, "out");
    assert_eq!((&out["effects"], &out["lost"]), (&100.into(), &0.into()));
    assert_eq!(out["duplicated"], PARTITIONS, "what the witness added");
}

#[test]
fn files_and_rows_are_read_by_every_way_to_their_ids() {
    let run = held("sink-stores.yaml", &[]);
    for name in ["mailbox", "mail-headers", "users", "users-query"] {
        let sink = sink(&run, name);
        assert_eq!(sink["effects"], 100, "{name}: {sink}");
    }
    // Three more are probes of the steady state.
    let database = rusqlite::Connection::open(run.path().join("users.db")).unwrap();
    let rows: i64 = database
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    let mails = std::fs::read_dir(run.path().join("mail/new")).unwrap();
    assert_eq!((rows, mails.count()), (103, 103));
    let finals = ops(&run, Kind::Final);
    for place in 0..4 {
        let read = finals.iter().filter(|op| op.place == place).count();
        assert_eq!(read, 103, "the final read of sink {place}");
    }
}

#[test]
fn the_order_of_each_key_is_kept() {
    held("order.yaml", &[]);
}

#[test]
fn events_of_a_key_that_overtake_each_other_break_the_order() {
    let run = violated(
        "order.yaml",
        &["--variant", "reversing"],
        "anomalies=order:",
    );
    let out = sink(&run, "out");
    assert_eq!((&out["effects"], &out["lost"]), (&200.into(), &0.into()));
}

#[test]
fn dead_letters_are_held_where_they_are_expected() {
    let run = held("poison.yaml", &[]);
    for name in ["users", "mailbox"] {
        let sink = sink(&run, name);
        assert_eq!(
            (&sink["effects"], &sink["dead_lettered"]),
            (&80.into(), &20.into())
        );
    }
}

#[test]
fn sinks_that_are_away_slow_and_busy_get_every_effect_in_the_end_and_each_trouble_has_evidence() {
    let run = held("sink-down.yaml", &[]);
    let report = run.report();
    for fault in report["faults"].as_array().unwrap() {
        assert_eq!(fault["bit"], true, "{fault}");
        assert!(fault["healed_ms"].is_number(), "{fault}");
    }
    let mails = std::fs::read_dir(run.path().join("mail/new")).unwrap();
    assert!(mails.count() >= 480, "Squall's server filed them");
}

/// The reference system, whose mails go to a server that was there before.
#[test]
fn the_way_to_a_server_of_somebody_else_is_troubled_too() {
    let files = tempfile::tempdir().unwrap();
    let mail = files.path().join("mail");
    let server = MailServer::start(&mail, 1).unwrap();
    let system = include_str!("../../systems/signup.yaml")
        .replace(
            "directory: \"{{run}}/mail\"",
            &format!("directory: {}", mail.display()),
        )
        .replace("    serve: smtp", "    #")
        + &format!("\nservers:\n  post: {}\n", server.address());
    std::fs::write(files.path().join("system.yaml"), system).unwrap();
    let scenario = "squall: 1\nname: elsewhere\n\
        system: { use: system.yaml, env: { consumer-email: { SMTP_URL: \"smtp://{{sink.post}}\" } } }\n\
        load: { http: POST producer/event, keys: { uniform: 100 }, timeout: 60s, stages: [{ rate: 20/s, for: 18s }] }\n\
        faults:\n  - { name: down, at: 1s, for: 4s, sink_down: post }\n  \
        - { name: late, at: 7s, for: 4s, delay: { from: consumer-email, to: sink(post), by: 20ms } }\n  \
        - { name: apart, at: 13s, for: 4s, isolate: { target: consumer-email, from: sink(post) } }\n\
        timing: { ready: 60s, steady: 60s, drain: 120s }\n";
    let file = files.path().join("elsewhere.yaml");
    std::fs::write(&file, scenario).unwrap();
    let run = held(file.to_str().unwrap(), &[]);
    for fault in run.report()["faults"].as_array().unwrap() {
        assert_eq!(fault["bit"], true, "{fault}");
    }
    assert_eq!(sink(&run, "mailbox")["lost"], 0);
    assert!(server.accepted() >= 360, "{} mails", server.accepted());
}

#[test]
fn a_dead_letter_stands_for_an_effect_where_that_is_allowed() {
    let run = held("dead-letters.yaml", &[]);
    assert_eq!(sink(&run, "mailbox")["dead_lettered"], 20);
    assert_eq!(sink(&run, "users")["dead_lettered"], 0);
}

#[test]
fn a_dead_letter_that_nobody_expects_breaks_the_promise() {
    let expected_only = ["--variant", "expected-only"];
    let run = violated(
        "dead-letters.yaml",
        &expected_only,
        "unexpected-dead-letter:20",
    );
    assert_eq!(sink(&run, "users")["ok"], true);
}

#[test]
fn a_rate_is_reached_when_it_is_as_modest_as_the_system() {
    let _alone = measuring();
    let modest = ["--set", "load.stages.0.for=5s", "--set", "expect.rate=2%"];
    held("slow-entry.yaml", &modest);
}

/// The observed error rate and whether it kept its limit.
fn error_rate(run: &Run) -> (f64, bool) {
    let report = run.report();
    let limits = report["thresholds"].as_array().unwrap();
    let limit = limits
        .iter()
        .find(|limit| limit["metric"] == "http_error_rate")
        .unwrap();
    let observed = limit["observed"].as_f64().unwrap();
    (observed, limit["ok"].as_bool().unwrap())
}

#[test]
fn errors_over_http_stay_below_their_limit() {
    let run = held("http-errors.yaml", &[]);
    assert_eq!(error_rate(&run), (0.5, true), "{run}");
    assert!(
        !run.file("junit.xml").contains("<failure"),
        "the limit is a case of its own"
    );
}

#[test]
fn errors_over_http_beyond_their_limit_break_it() {
    let run = violated("http-errors.yaml", &["--variant", "strict"], "(slow)");
    assert_eq!(error_rate(&run), (0.5, false), "{run}");
    assert!(
        run.file("junit.xml").contains("http_error_rate"),
        "a failure that names the limit"
    );
}

#[test]
fn requests_that_are_never_answered_are_errors_too() {
    let run = violated("http-errors.yaml", &["--variant", "hasty"], "(slow)");
    // An answer that is there before anybody looks for those that are late counts as one.
    let (rate, ok) = error_rate(&run);
    assert!(rate > 0.6 && !ok, "{rate}: {run}");
}

/// Not a test: what the systems of the fixtures start of this program.
#[test]
#[ignore = "a service of the runs above"]
fn as_a_service() {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop)).unwrap();
    match std::env::var("SERVICE").as_deref() {
        Ok("witness") => witness(&stop),
        Ok("reversing") => reversing(&stop),
        _ => {}
    }
}

fn client() -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set(
        "bootstrap.servers",
        std::env::var("KAFKA_BOOTSTRAP").unwrap(),
    );
    client
}

/// When asked to stop, adds an effect of an event of the run to every partition of `out`, and asks where they end.
fn witness(stop: &AtomicBool) {
    let producer: BaseProducer = client().create().unwrap();
    let consumer: BaseConsumer = client().set("group.id", "witness").create().unwrap();
    println!("service is ready");
    while !stop.load(Ordering::Relaxed) {
        producer.poll(Duration::from_millis(20));
    }
    for partition in 0..PARTITIONS {
        let id = format!("{SEED}-0-{partition}");
        let header = Header {
            key: "ce_id",
            value: Some(&id),
        };
        let record = BaseRecord::<(), str>::to("out")
            .partition(partition)
            .payload("again")
            .headers(OwnedHeaders::new().insert(header));
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WITHIN).unwrap();
    let ends: BTreeMap<i32, i64> = (0..PARTITIONS)
        .map(|partition| {
            let (_, end) = consumer.fetch_watermarks("out", partition, WITHIN).unwrap();
            (partition, end)
        })
        .collect();
    let path = std::env::var("LOG_ENDS").unwrap();
    std::fs::write(path, serde_json::to_string(&ends).unwrap()).unwrap();
}

/// Passes on what came within a while, the last first.
fn reversing(stop: &AtomicBool) {
    let producer: BaseProducer = client().create().unwrap();
    let consumer: BaseConsumer = client()
        .set("group.id", "reversing")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    consumer.subscribe(&["in"]).unwrap();
    println!("service is ready");
    while !stop.load(Ordering::Relaxed) {
        let begun = std::time::Instant::now();
        let mut batch = Vec::new();
        while begun.elapsed() < Duration::from_millis(100) {
            let polled = consumer.poll(Duration::from_millis(10));
            batch.extend(polled.map(|message| message.unwrap().detach()));
        }
        for message in batch.iter().rev() {
            let record = BaseRecord::to("out")
                .key(message.key().unwrap())
                .payload(message.payload().unwrap())
                .headers(message.headers().unwrap().clone());
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(WITHIN).unwrap();
        if !batch.is_empty() {
            consumer.commit_consumer_state(CommitMode::Sync).unwrap();
        }
    }
}
