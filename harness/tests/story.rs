//! `squall story RUN EVENT`, on short runs in the simulator.
#![allow(clippy::unwrap_used)]

mod in_memory;

use in_memory::{Ran, scenario, squall};
use squall::exit::Exit;
use std::path::Path;

fn simulated(folder: &Path, more: &[&str]) -> serde_json::Value {
    let file = scenario("consumer-crash.yaml");
    let out = folder.to_str().unwrap();
    let mut arguments = vec![
        "scenario", &file, "--on", "sim", "--seed", "5", "--plain", "--out", out,
    ];
    arguments.extend(more);
    squall(&arguments);
    let report = std::fs::read_to_string(folder.join("latest/report.json")).unwrap();
    serde_json::from_str(&report).unwrap()
}

fn story(folder: &Path, event: &str) -> Ran {
    squall(&["story", "latest", event, "--out", folder.to_str().unwrap()])
}

/// The step with this word, as printed.
fn step<'a>(told: &'a str, what: &str) -> Option<&'a str> {
    let is = |line: &&str| line.starts_with("  ") && line.split_whitespace().nth(2) == Some(what);
    told.lines().find(is)
}

#[test]
fn a_healthy_event_is_told_to_its_end_in_every_sink() {
    let folder = tempfile::tempdir().unwrap();
    simulated(folder.path(), &[]);
    let whole = story(folder.path(), "5-0-17");
    assert_eq!(whole.exit, Exit::Held, "{}", whole.err);
    assert!(
        whole.out.starts_with("5-0-17  of consumer-crash\n"),
        "{}",
        whole.out
    );
    for what in ["offered", "accepted", "effect", "committed"] {
        assert!(step(&whole.out, what).is_some(), "{what}: {}", whole.out);
    }
    let ends: Vec<Vec<&str>> = whole
        .out
        .lines()
        .rev()
        .take(2)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(ends[1][1..], ["users", "exactly-once", "one", "effect"]);
    assert_eq!(ends[0][1..], ["mailbox", "at-least-once", "one", "effect"]);
    let times: Vec<f64> = whole
        .out
        .lines()
        .filter(|line| line.starts_with("  "))
        .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
        .collect();
    assert!(times.is_sorted(), "{}", whole.out);
    assert_eq!(story(folder.path(), "0-17").out, whole.out);
}

#[test]
fn a_lost_event_is_told_as_lost_in_its_sink_alone() {
    let folder = tempfile::tempdir().unwrap();
    let report = simulated(folder.path(), &["--variant", "commit-before-effect"]);
    let lost = &report["anomalies"][0];
    assert_eq!(lost["sink"], "users", "{report:#}");
    let told = story(folder.path(), lost["events"][0].as_str().unwrap());
    assert_eq!(told.exit, Exit::Held, "{}", told.err);
    for what in ["committed", "crash"] {
        assert!(step(&told.out, what).is_some(), "{what}: {}", told.out);
    }
    let end = |sink: &str| told.out.lines().find(|line| line.contains(sink)).unwrap();
    let users = told.out.lines().rev().nth(1).unwrap();
    assert!(users.contains("lost: accepted, yet no effect"), "{users}");
    assert!(!users.starts_with(['+', '✓']), "{users}");
    assert!(end("mailbox").contains("effect"), "{}", told.out);
    // What the report says of the same event is part of it.
    for told_there in lost["story"]["steps"].as_array().unwrap() {
        let detail = told_there["detail"].as_str().unwrap();
        assert!(told.out.contains(detail), "{detail}: {}", told.out);
    }
}

#[test]
fn what_is_no_event_of_the_run_is_told_with_what_is() {
    let folder = tempfile::tempdir().unwrap();
    simulated(folder.path(), &[]);
    for (event, part) in [
        (
            "hello",
            "`hello` is no event id\n  help: write run-stream-sequence, as in 5-0-17",
        ),
        ("-1", "`-1` is no event id"),
        ("5-0-+7", "`5-0-+7` is no event id"),
        ("1-2-3-4", "`1-2-3-4` is no event id"),
        ("99999999999999999999-0-1", "is no event id"),
        (
            "7421-0-1",
            "event 7421-0-1 is of run 7421, and this run's number (its seed) is 5",
        ),
        ("9-1", "this run has no stream 9; its streams are 0 ("),
        ("0-7200", "has no event 7200; its events are 0-0 to 0-7199"),
    ] {
        let told = story(folder.path(), event);
        assert_eq!(told.exit, Exit::BadInput, "{event}: {}", told.out);
        assert!(told.err.contains(part), "{event}: {}", told.err);
    }
    let none = squall(&["story", "/no/such/run", "0-1"]);
    assert_eq!(none.exit, Exit::BadInput);
    assert!(
        none.err.contains("no stored run /no/such/run"),
        "{}",
        none.err
    );
}
