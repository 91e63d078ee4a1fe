//! `--on external` against a real Kafka with TLS and SCRAM. `cargo test -p squall --test external -- --ignored`; needs `java`, and
//! Kafka's jars in `target/kafka-4.2.1/libs` (squall-conform fetches them) or where SQUALL_KAFKA_JARS says.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;
mod external_support;

use end_to_end_support::{Run, command};
use external_support::{Kafka, SECRET};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How the cluster is reached, told by variables as users do.
fn told<'a>(command: &'a mut Command, kafka: &Kafka, password: &str) -> &'a mut Command {
    command
        .env("SQUALL_KAFKA_BOOTSTRAP_SERVERS", kafka.secure())
        .env("SQUALL_KAFKA_SSL_CA_LOCATION", kafka.authority())
        .env("SQUALL_KAFKA_SASL_PASSWORD", password)
}

fn external(folder: &TempDir, kafka: &Kafka, password: &str) -> Command {
    external_with(folder, kafka, password, &[])
}

fn external_with(folder: &TempDir, kafka: &Kafka, password: &str, more: &[&str]) -> Command {
    let more = [&["--on", "external", "--seed", "7"], more].concat();
    let mut command = command("external.yaml", folder, &more);
    told(&mut command, kafka, password);
    command
}

fn run(kafka: &Kafka, password: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = external(&folder, kafka, password).output().unwrap();
    Run::new(output, folder)
}

/// A run that has made its topics, killed with `kill -9`.
fn killed(kafka: &Kafka) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = external(&folder, kafka, SECRET);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut named = lines.map_while(Result::ok);
    assert!(named.any(|line| line.contains("topics and groups are named squall-")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!kafka.left().is_empty(), "a killed run takes nothing away");
    folder
}

/// Every file below a folder, whole.
fn files(folder: &Path, each: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        match path.is_dir() {
            true => files(&path, each),
            false => each(&path, &std::fs::read(&path).unwrap()),
        }
    }
}

fn shows_no_secret(run: &Run) {
    assert!(!run.to_string().contains(SECRET), "{run}");
    let mut seen = 0;
    files(run.folder.path(), &mut |path, content| {
        seen += 1;
        let mut windows = content.windows(SECRET.len());
        let told = windows.any(|window| window == SECRET.as_bytes());
        assert!(!told, "{} tells the password", path.display());
    });
    assert!(seen > 0, "there is nothing to be searched");
}

#[test]
#[ignore = "needs a real Kafka: java and its jars"]
fn a_run_behind_tls_and_scram_is_judged_and_leaves_nothing_behind() {
    let kafka = Kafka::start();
    let run = run(&kafka, SECRET);
    assert_eq!(run.code, Some(0), "{run}\n{}", kafka.logs());
    assert!(run.last_line().contains(" env=external "), "{run}");
    assert!(run.last_line().contains(" lost=0 anomalies=0 "), "{run}");
    let report = run.report();
    assert_eq!(report["load"]["accepted"], 500, "{run}");
    for sink in report["sinks"].as_array().unwrap() {
        assert_eq!(sink["effects"], 500, "{run}");
    }
    for fault in report["faults"].as_array().unwrap() {
        assert_eq!(fault["bit"], true, "{fault}");
    }
    let plan = run.file("plan.json");
    assert!(plan.contains("\"prefix\": \"squall-"), "{plan}");
    shows_no_secret(&run);
    assert_eq!(kafka.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a real Kafka: java and its jars"]
fn a_wrong_password_ends_before_anything_begins() {
    let kafka = Kafka::start();
    let run = run(&kafka, &format!("not-{SECRET}"));
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.err.contains("refuses the login"), "{run}");
    shows_no_secret(&run);
    assert_eq!(kafka.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a real Kafka: java and its jars"]
fn what_a_killed_run_left_goes_with_the_next_run_or_by_cleaning() {
    let kafka = Kafka::start();
    let clean = |folder: &TempDir, password: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        let command = command
            .args(["clean", "--keep", "0", "--out"])
            .arg(folder.path());
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let command = told(command, &kafka, password).current_dir(fixtures);
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = killed(&kafka);
    let told = clean(&folder, &format!("not-{SECRET}"));
    assert!(
        told.contains(" stay: ") && told.contains("1 runs stay, 0 gone"),
        "{told}"
    );
    assert!(!kafka.left().is_empty());
    let told = clean(&folder, SECRET);
    assert!(
        told.contains("left by a killed run") && told.contains("0 runs stay, 1 gone"),
        "{told}"
    );
    assert_eq!(kafka.left(), Vec::<String>::new());

    let folder = killed(&kafka);
    let output = external(&folder, &kafka, SECRET).output().unwrap();
    let run = Run::new(output, folder);
    assert!(run.out.contains("left by a killed run"), "{run}");
    assert_eq!(kafka.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs a real Kafka: java and its jars"]
fn names_that_others_use_too_are_used_with_the_flag_alone_and_stay() {
    let kafka = Kafka::start();
    let written = [r#"{"type": "somebody_else"}"#, r#"{"type": "else_again"}"#];
    kafka.write_as_others("signups", &written);
    let before = kafka.names();
    let fixed = "system.env={producer: {TOPIC: signups}, consumer-email: {TOPIC: signups}, \
                 consumer-db: {TOPIC: signups, GROUP: consumer-db}}";
    let run = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let more = [&["--set", fixed, "--set", "faults=[]"], more].concat();
        let output = external_with(&folder, &kafka, SECRET, &more).output();
        Run::new(output.unwrap(), folder)
    };
    let refused = run(&[]);
    assert_eq!(refused.code, Some(3), "{refused}");
    assert!(refused.err.contains("--allow-disturbing"), "{refused}");
    assert_eq!(kafka.names(), before);

    let run = run(&["--allow-disturbing"]);
    assert_eq!(run.code, Some(0), "{run}\n{}", kafka.logs());
    assert!(run.last_line().contains(" lost=0 anomalies=0 "), "{run}");
    let accepted = run.report()["load"]["accepted"].as_i64().unwrap();
    assert_eq!(accepted, 500, "{run}");
    assert_eq!(kafka.left(), Vec::<String>::new());
    let after = kafka.names();
    assert!(before.iter().all(|name| after.contains(name)), "{after:?}");
    assert!(after.contains(&"consumer-db".to_owned()), "{after:?}");
    let (first, count) = kafka.first_values("signups", written.len());
    assert_eq!(first, written);
    let others = i64::try_from(written.len()).unwrap();
    assert!(count >= others + accepted, "{count}");
}
