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
    let run = Run::new(command.output().unwrap(), folder);
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
    let history =
        run.out.contains("leader-moved") || run.file("report.json").contains("leader-moved");
    assert!(history, "{run}");
    assert_eq!(labelled("test.squall.run"), Vec::<String>::new(), "{run}");
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
    let pid = format!("test.squall.pid={}", child.id());
    let deadline = Instant::now() + UP_WITHIN;
    // Its containers, and its network.
    while labelled(&pid).len() < 5 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(labelled(&pid).len() >= 5, "nothing was started to be left");
    let clean = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["clean", "--keep", "100", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(clean.stdout).unwrap();
    assert!(told.contains("left by a killed run"), "{told}");
    assert_eq!(labelled(&pid), Vec::<String>::new());
}
