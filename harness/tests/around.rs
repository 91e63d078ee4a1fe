//! Around a run: controls, repetitions and the demo.
#![allow(clippy::unwrap_used)]

mod in_memory;

use in_memory::{Ran, scenario, squall};
use squall::exit::Exit;
use std::path::Path;
use std::process::Command;

/// A scenario in the simulator, writing below `folder`.
fn simulated(name: &str, folder: &Path, more: &[&str]) -> Ran {
    let file = scenario(name);
    let out = folder.to_str().unwrap();
    let mut arguments = vec!["scenario", &file, "--on", "sim", "--plain", "--out", out];
    arguments.extend(more);
    squall(&arguments)
}

fn last_line(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap_or_default()
}

/// The comparison beside the run with the faults.
fn comparison(folder: &Path) -> serde_json::Value {
    let mut runs = std::fs::read_dir(folder).unwrap();
    let file = runs
        .find_map(|run| {
            let file = run.unwrap().path().join("control.json");
            file.is_file().then_some(file)
        })
        .unwrap();
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn an_anomaly_that_comes_with_the_faults_only_is_attributed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let choice = [
        "--variant",
        "commit-before-effect",
        "--seed",
        "5",
        "--control",
    ];
    let ran = simulated("consumer-crash.yaml", folder.path(), &choice);
    assert_eq!(ran.exit, Exit::Violated, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("run after: held\n"), "{}", ran.out);
    assert!(ran.out.contains("lost-write in users: "), "{}", ran.out);
    assert!(
        ran.out.contains(" 0 without. It takes the faults.\n"),
        "{}",
        ran.out
    );
    let line = last_line(&ran);
    assert!(
        line.starts_with(
            "VIOLATED (loss)  scenario=consumer-crash variant=commit-before-effect env=sim seed=5"
        ),
        "{line}"
    );
    assert!(line.ends_with(" exit=1 control=held"), "{line}");
    let compared = &comparison(folder.path())["anomalies"][0];
    assert_eq!(compared["attribution"], "faults");
    assert_eq!(compared["without_faults"], 0);
    assert!(compared["with_faults"].as_u64().unwrap() > 0);
    // The control is the younger one, and the run is what was asked for.
    let latest = folder.path().join("latest");
    assert!(latest.join("control.json").is_file());
    // The command that the control prints repeats the control.
    assert!(
        ran.out
            .contains("--variant commit-before-effect --set 'faults=[]' --on sim --seed 5 ")
    );
}

#[test]
fn an_anomaly_that_comes_without_faults_too_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let choice = ["--variant", "dropped-retry", "--seed", "5", "--control"];
    let ran = simulated("flaky-sinks.yaml", folder.path(), &choice);
    assert_eq!(ran.exit, Exit::Violated, "{}{}", ran.out, ran.err);
    assert!(
        last_line(&ran).ends_with(" exit=1 control=violated"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("It comes without them too"), "{}", ran.out);
    let told = comparison(folder.path());
    for anomaly in told["anomalies"].as_array().unwrap() {
        assert_eq!(anomaly["attribution"], "not-faults", "{anomaly}");
        assert_eq!(
            anomaly["with_faults"], anomaly["without_faults"],
            "{anomaly}"
        );
    }
}

#[test]
fn the_control_of_drawn_faults_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let ran = simulated(
        "random-nemesis.yaml",
        folder.path(),
        &[
            "--seed",
            "5",
            "--control",
            "--set",
            "load.stages=[{ rate: 50/s, for: 4s }]",
        ],
    );
    assert_ne!(ran.exit, Exit::BadInput, "{}", ran.err);
    let both = ran.out.matches("FAULTS ").count();
    assert_eq!(both, 2, "{}", ran.out);
    assert_eq!(
        ran.out.matches("FAULTS    none planned").count(),
        1,
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("no anomaly with the faults, and none without"),
        "{}",
        ran.out
    );
}

#[test]
fn clean_runs_prove_a_bound_and_seeds_count_up() {
    let folder = tempfile::tempdir().unwrap();
    let ran = simulated(
        "consumer-crash.yaml",
        folder.path(),
        &["--seed", "5", "--repeat", "3"],
    );
    assert_eq!(ran.exit, Exit::Held, "{}{}", ran.out, ran.err);
    for seed in 5..8 {
        assert!(ran.out.contains(&format!(" seed={seed} ")), "{}", ran.out);
    }
    assert!(
        ran.out
            .contains("0 of 3: violated in less than 64 % of all runs of this scenario, at 95 %"),
        "{}",
        ran.out
    );
    assert_eq!(
        last_line(&ran),
        "HELD  scenario=consumer-crash env=sim seeds=5..7 runs=3 held=3 violated=0 inconclusive=0 anomalies=0 exit=0"
    );
}

#[test]
fn a_series_counts_runs_and_its_exit_is_its_worst() {
    let folder = tempfile::tempdir().unwrap();
    let choice = [
        "--variant",
        "commit-before-effect",
        "--seed",
        "5",
        "--repeat",
        "4",
    ];
    let ran = simulated("consumer-crash.yaml", folder.path(), &choice);
    assert_eq!(ran.exit, Exit::Violated, "{}{}", ran.out, ran.err);
    let runs = |verdict: &str| {
        let of = |line: &&str| line.contains(" of 4  ") && line.contains(verdict);
        ran.out.lines().filter(of).count()
    };
    let (held, violated) = (runs("HELD"), runs("VIOLATED"));
    assert!(violated > 0 && held + violated == 4, "{}", ran.out);
    let counted = format!(
        "runs=4 held={held} violated={violated} inconclusive=0 anomalies=lost-write:{violated} exit=1"
    );
    assert!(last_line(&ran).ends_with(&counted), "{}", ran.out);
    assert!(
        ran.out
            .contains(&format!("lost-write: in {violated} of 4 runs")),
        "{}",
        ran.out
    );
}

#[test]
fn control_and_repeat_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let ran = simulated("burst.yaml", folder.path(), &["--control", "--repeat", "2"]);
    assert_eq!(ran.exit, Exit::BadInput);
    let none = simulated("burst.yaml", folder.path(), &["--repeat", "0"]);
    assert_eq!(none.exit, Exit::BadInput);
}

#[test]
fn the_demo_holds_then_loses_and_tells_the_story_of_a_lost_event() {
    // Somewhere without any of our files.
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_squall"))
        .arg("demo")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8(demo.stdout).unwrap();
    let err = String::from_utf8(demo.stderr).unwrap();
    assert_eq!(demo.status.code(), Some(0), "{out}{err}");
    let at = |part: &str| out.find(part).unwrap_or_else(|| panic!("{part}: {out}"));
    let order = [
        at("HELD  scenario=consumer-crash"),
        at("VIOLATED (loss)  scenario=consumer-crash"),
        at("One of the lost, 7421-0-"),
        at("committed"),
        at("Cause and cure: "),
        at("Your own system"),
    ];
    assert!(order.is_sorted(), "{out}");
    // What it says to do next works.
    let next = out
        .lines()
        .find(|line| line.contains("squall story latest"));
    let event = next.unwrap().split_whitespace().nth(3).unwrap();
    let story = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["story", "latest", event])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let story = String::from_utf8(story.stdout).unwrap();
    assert!(story.contains("lost: accepted"), "{story}");
}
