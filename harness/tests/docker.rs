//! Whole runs on real brokers in containers. Each needs a container engine, so they run only when they are asked for:
//! `cargo test -p squall --features docker --test docker -- --ignored`; otherwise they are reported as ignored, by name.
#![cfg(feature = "docker")]
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Run, command, measuring};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
/// Three nodes start in seconds; on a machine that others use, in tens of them.
const UP_WITHIN: Duration = Duration::from_secs(180);
/// Three brokers, the controller, Toxiproxy and their network.
const STARTED_MIN: usize = 6;

/// Names of containers and networks that carry a label.
fn labelled(label: &str) -> Vec<String> {
    let ask = |arguments: &[&str]| {
        let filter = format!("label={label}");
        let output = Command::new("docker")
            .args(arguments)
            .args(["--filter", &filter])
            .output()
            .unwrap();
        assert!(output.status.success(), "no container engine answers");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let containers = ask(&["ps", "--all", "--format", "{{.Names}}"]);
    let networks = ask(&["network", "ls", "--format", "{{.Name}}"]);
    [containers, networks].concat()
}

/// Others may have runs on the same engine.
fn of_process(id: u32) -> String {
    format!("test.squall.pid={id}")
}

fn scenario(name: &str, folder: &tempfile::TempDir, more: &[&str]) -> Command {
    let mut command = command(&format!("{SCENARIOS}/{name}"), folder, more);
    command.args(["--on", "docker"]);
    command
}

#[test]
#[ignore = "needs a container engine"]
fn a_leader_dies_in_a_real_cluster_and_nothing_is_lost_or_left_behind() {
    let _alone = measuring();
    let folder = tempfile::tempdir().unwrap();
    let mut command = scenario("broker-loss.yaml", &folder, &["--seed", "7421"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = of_process(child.id());
    let run = Run::new(child.wait_with_output().unwrap(), folder);
    // On a busy machine a limit may be missed; an anomaly never comes of that.
    let report = run.report();
    assert!(
        report["anomalies"].as_array().is_some_and(Vec::is_empty),
        "{run}"
    );
    assert!(
        run.file("logs/kafka-1.log")
            .contains("Kafka Server started"),
        "{run}"
    );
    assert!(run.out.contains("✓ leader-moved"), "{run}");
    assert_eq!(labelled(&pid), Vec::<String>::new(), "{run}");
}

#[test]
#[ignore = "needs a container engine"]
fn what_a_killed_harness_leaves_is_swept_by_label() {
    let _alone = measuring();
    let folder = tempfile::tempdir().unwrap();
    let mut child = scenario("burst.yaml", &folder, &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = of_process(child.id());
    let deadline = Instant::now() + UP_WITHIN;
    while labelled(&pid).len() < STARTED_MIN && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        labelled(&pid).len() >= STARTED_MIN,
        "nothing was started to be left"
    );
    let clean = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["clean", "--keep", "100", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(clean.stdout).unwrap();
    assert!(told.contains("left by a killed run"), "{told}");
    assert_eq!(labelled(&pid), Vec::<String>::new());
}

/// A whole run with PostgreSQL and a mail catcher, judged, and nothing of it left.
fn kept_in_containers(more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = scenario("docker/signup.yaml", &folder, more);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = of_process(child.id());
    let run = Run::new(child.wait_with_output().unwrap(), folder);
    assert_eq!(labelled(&pid), Vec::<String>::new(), "{run}");
    let log = run.file("logs/sink-users.log");
    assert!(log.contains("ready to accept connections"), "{run}");
    for fault in run.report()["faults"].as_array().unwrap() {
        assert_eq!(fault["bit"], true, "{fault}\n{run}");
    }
    run
}

#[test]
#[ignore = "needs a container engine"]
fn rows_and_mails_are_read_where_they_are_kept_and_a_bug_shows_in_them() {
    let _alone = measuring();
    let run = kept_in_containers(&[]);
    let report = run.report();
    assert!(
        report["anomalies"].as_array().is_some_and(Vec::is_empty),
        "{run}"
    );
    for sink in report["sinks"].as_array().unwrap() {
        assert_eq!(sink["effects"], report["load"]["accepted"], "{run}");
    }
    let run = kept_in_containers(&["--variant", "dropped-retry"]);
    assert!(run.last_line().starts_with("VIOLATED (loss)"), "{run}");
}
