//! A user's own programs in another language: a Python producer and consumer on a client from PyPI, one correct and one that
//! commits before its effect.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CLIENT: &str = "kafka-python==3.0.12";

/// A virtual environment with the client, made once below `target/`. `None` where there is no Python to make one with.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-env");
    let done = folder.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|client| client == CLIENT) {
        return Some(folder);
    }
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&folder)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return None;
    }
    let pip = Command::new(folder.join("bin/pip"))
        .args(["install", "--quiet", CLIENT])
        .output()
        .expect("pip is part of the environment");
    assert!(
        pip.status.success(),
        "pip: {}",
        String::from_utf8_lossy(&pip.stderr)
    );
    std::fs::write(done, CLIENT).expect("the target folder can be written to");
    Some(folder)
}

fn squall(python: &Path, variant: Option<&str>) -> Output {
    let path = format!(
        "{}:{}",
        python.join("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command
        .args([
            "scenario",
            "crash.yaml",
            "--plain",
            "--seed",
            "7421",
            // A machine that others use too may send late: this is not about that.
            "--set",
            "expect.rate=1%",
            "--set",
            "expect.pacing=1m",
            "--set",
            "timing={ ready: 60s, steady: 60s, drain: 180s }",
            "--out",
        ])
        .arg(env!("CARGO_TARGET_TMPDIR"));
    command.args(
        variant
            .map(|variant| ["--variant", variant])
            .into_iter()
            .flatten(),
    );
    command
        .env("PATH", path)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python"));
    command.output().expect("squall can be started")
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_python_system_is_held_when_right_and_violated_when_it_commits_first() {
    let Some(python) = python() else {
        eprintln!("SKIPPED: no python3 with venv on this machine");
        return;
    };
    let right = squall(&python, None);
    assert_eq!(
        right.status.code(),
        Some(0),
        "{}\n{}",
        last_line(&right),
        String::from_utf8_lossy(&right.stdout)
    );
    let wrong = squall(&python, Some("commit-first"));
    assert_eq!(
        wrong.status.code(),
        Some(1),
        "{}\n{}",
        last_line(&wrong),
        String::from_utf8_lossy(&wrong.stdout)
    );
    assert!(
        last_line(&wrong).contains("lost-write:"),
        "{}",
        last_line(&wrong)
    );
}
