//! What stands around a run: business invariants, limits that stop it, and what `--keep` leaves up.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Going, Run, eventually, living, living_below, measuring};
use rustix::process::Signal;

fn judged_alike(run: &Run) {
    let judged = run.judge_again();
    assert_eq!(judged.code, run.code, "{judged}");
    assert_eq!(judged.last_line(), run.last_line());
}

#[test]
fn invariants_that_hold_are_told_and_those_that_only_warn_change_nothing() {
    let _alone = measuring();
    let run = Run::of("invariants.yaml", &[]);
    assert_eq!(run.code, Some(0), "{run}");
    for line in [
        "RULES   ✓ one-row-a-user  no row",
        "✓ books           exit 0, said: balanced",
        "! a-dream         1 row: 1; expected 1 row: 2 (warns only)",
    ] {
        assert!(run.out.contains(line), "{line:?} is missing in {run}");
    }
    assert!(
        run.out.contains("(does not count in this environment)"),
        "{run}"
    );
    let report = run.report();
    assert_eq!(report["invariants"][1]["met"], true);
    assert!(run.file("junit.xml").contains("invariant books"));
    assert!(run.file("summary.md").contains("one-row-a-user"));
    assert!(run.file("report.html").contains("one-row-a-user"));
    judged_alike(&run);
}

#[test]
fn a_broken_invariant_is_violated_and_one_that_cannot_be_asked_proves_nothing() {
    let _alone = measuring();
    let broken = "expect.invariants.books.output=gold";
    let run = Run::of("invariants.yaml", &["--set", broken]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.last_line().starts_with("VIOLATED (invariant)"), "{run}");
    judged_alike(&run);
    let asked = "expect.invariants.one-row-a-user.sql=SELECT nonsense FROM users";
    let run = Run::of("invariants.yaml", &["--set", asked]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.out.contains("o such column: nonsense"), "{run}");
    judged_alike(&run);
}

#[test]
fn a_run_that_does_harm_is_stopped_healed_and_violated() {
    let _alone = measuring();
    let more = [
        "--set",
        "load.stages.0.for=60s",
        "--set",
        "faults=[{ name: gone, at: 1s, for: 59s, stop: consumer-db }]",
        "--set",
        "abort_if={ 'backlog{sink:users}': { limit: value>50, for: 500ms } }",
    ];
    let run = Run::of("invariants.yaml", &more);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.last_line().starts_with("VIOLATED (harm)"), "{run}");
    let stopped = "STOPPED   The run was stopped because of harm: backlog{sink:users} was";
    assert!(run.out.contains(stopped), "{run}");
    let report = run.report();
    assert!(report["duration_s"].as_f64().unwrap() < 55.0, "{run}");
    assert!(report["faults"][0]["healed_ms"].is_number(), "{run}");
    assert_eq!(
        report["sinks"][0]["lost"], 0,
        "healed, drained and read: {run}"
    );
    assert!(living(&run).is_empty(), "{run}");
    judged_alike(&run);
}

#[test]
fn what_is_kept_is_up_until_ctrl_c_and_gone_afterwards() {
    let _alone = measuring();
    let mut going = Going::start("held.yaml", &["--keep"]);
    going.until_line("-L");
    let folder = going.folder.path().to_str().unwrap().to_owned();
    assert!(
        !living_below(&folder).is_empty(),
        "the services are up again"
    );
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.out.contains("HELD  scenario=held"), "{run}");
    let kafka = run
        .out
        .lines()
        .find(|line| line.trim_start().starts_with("kafka "));
    let address = kafka.unwrap().split_whitespace().nth(1).unwrap();
    let closed = std::net::TcpStream::connect(address).is_err();
    assert!(closed, "{address} still answers after {run}");
    eventually("no process is left", || living(&run).is_empty());
    assert!(
        !run.path().join("data").exists(),
        "segment files are of no more use"
    );
}

#[test]
fn what_is_kept_does_not_outlive_kill_9() {
    let _alone = measuring();
    let mut going = Going::start("held.yaml", &["--keep"]);
    going.until_line("-L");
    going.signal(Signal::KILL);
    let run = going.end();
    eventually("no process is left", || living(&run).is_empty());
}

#[test]
fn posted_effects_are_read_as_effects_and_doubled_ones_are_seen() {
    let python = std::process::Command::new("python3")
        .arg("--version")
        .output();
    if python.is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let _alone = measuring();
    let run = Run::of("poster.yaml", &[]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.report()["sinks"][0]["effects"], 320, "{run}");
    let twice = "system.env={ poster: { TIMES: \"2\" } }";
    let run = Run::of(
        "poster.yaml",
        &[
            "--set",
            twice,
            "--set",
            "load.stages.0.for=2s",
            "--set",
            "faults=[]",
        ],
    );
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.report()["sinks"][0]["duplicated"], 80, "{run}");
    judged_alike(&run);
}
