//! `--on external` against a real Kafka with TLS and SCRAM. `cargo test -p squall --test external -- --ignored`; needs `java`, and
//! Kafka's jars in `target/kafka-4.2.1/libs` (squall-conform fetches them) or where SQUALL_KAFKA_JARS says.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;
mod external_support;

use end_to_end_support::{Run, command};
use external_support::{Kafka, SECRET};
use std::path::Path;

fn run(kafka: &Kafka, password: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(
        "external.yaml",
        &folder,
        &["--on", "external", "--seed", "7"],
    );
    command
        .env("SQUALL_KAFKA_BOOTSTRAP_SERVERS", kafka.secure())
        .env("SQUALL_KAFKA_SSL_CA_LOCATION", kafka.authority())
        .env("SQUALL_KAFKA_SASL_PASSWORD", password);
    Run::new(command.output().unwrap(), folder)
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
    // A busy machine may not reach the rate; what was proven is proven all the same.
    assert!(matches!(run.code, Some(0 | 2)), "{run}\n{}", kafka.logs());
    assert!(run.last_line().contains(" env=external "), "{run}");
    assert!(run.last_line().contains(" lost=0 anomalies=0 "), "{run}");
    let report = run.report();
    assert_eq!(report["load"]["accepted"], 300, "{run}");
    for sink in report["sinks"].as_array().unwrap() {
        assert_eq!(sink["effects"], 300, "{run}");
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
