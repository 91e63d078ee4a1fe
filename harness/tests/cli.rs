//! The command line in memory: what each subcommand prints, and every exit code. Runs of real services are in `end_to_end.rs`.
#![allow(clippy::unwrap_used)]

mod in_memory;

use in_memory::{fixture, scenario, squall};
use squall::cli::guarded;
use squall::exit::Exit;
use squall_history::FILE_NAME;
use std::path::{Path, PathBuf};

/// A short run in the simulator, stored below `folder`.
fn stored(folder: &Path) -> PathBuf {
    let out = folder.to_str().unwrap();
    let ran = squall(&[
        "scenario",
        &scenario("consumer-crash.yaml"),
        "--on",
        "sim",
        "--seed",
        "5",
        "--plain",
        "--out",
        out,
    ]);
    assert_eq!(ran.exit, Exit::Held, "{}{}", ran.out, ran.err);
    let is_run = |path: &PathBuf| !path.is_symlink() && path.join(FILE_NAME).is_file();
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(is_run)
        .unwrap()
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let codes = [
        (Exit::Held, 0),
        (Exit::Violated, 1),
        (Exit::Inconclusive, 2),
        (Exit::BadInput, 3),
        (Exit::Environment, 4),
        (Exit::Defect, 70),
    ];
    for (exit, code) in codes {
        assert_eq!(exit.code(), code);
    }
}

#[test]
fn a_broker_setting_that_is_none_is_bad_input() {
    let ran = squall(&["serve", "kafka", "--port", "0", "--broker", "nonsense=1"]);
    assert_eq!(ran.exit, Exit::BadInput, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("nonsense"), "{}", ran.err);
}

#[test]
fn help_and_version_are_no_failure() {
    let help = squall(&["--help"]);
    assert_eq!(help.exit, Exit::Held);
    assert!(
        help.out.contains("Exit codes: 0 held, 1 violated"),
        "{}",
        help.out
    );
    let version = squall(&["--version"]);
    assert_eq!(version.exit, Exit::Held);
    assert_eq!(
        version.out.trim(),
        format!("squall {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn bad_arguments_are_bad_input_and_name_what_is_wrong() {
    let held = fixture("held.yaml");
    let cases: [(&[&str], &str); 6] = [
        (
            &["scenario", "no-such.yaml"],
            "no scenario no-such.yaml here",
        ),
        (&["scenario", &held, "--colour"], "--colour"),
        (
            &["plan", &held, "--on", "mars"],
            "there are `embedded`, `sim`, `docker` and `external`",
        ),
        (&["plan", &held, "--set", "load.stages.0.rat=5/s"], "rat"),
        (&["plan", &held, "--variant", "none-such"], "none-such"),
        (&["judge", "/no/such/run"], "no stored run /no/such/run"),
    ];
    for (arguments, part) in cases {
        let ran = squall(arguments);
        assert_eq!(ran.exit, Exit::BadInput, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(part), "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{arguments:?}: {}", ran.out);
    }
}

#[cfg(not(feature = "docker"))]
#[test]
fn a_binary_that_knows_no_containers_says_how_to_get_one_that_does() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let held = fixture("held.yaml");
    let ran = squall(&["scenario", &held, "--on", "docker", "--out", &out]);
    assert_eq!(ran.exit, Exit::Environment, "{}", ran.err);
    assert!(
        ran.err.contains("cargo build --features docker"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_with_many_mistakes_tells_them_all_with_their_places() {
    let ran = squall(&["validate", &fixture("ten-mistakes.yaml")]);
    assert_eq!(ran.exit, Exit::BadInput);
    for place in [
        ":2:1: unknown key `nam`",
        ":4:54: unknown service `nobody`",
        ":5:26: `brokers`: 0 is out of range",
        ":5:57: `partitions`: `none`",
        ":5:67: unknown key `colour`",
        ":8:17: `zipf`: `x`",
        ":9:12: `arrival`: `sometimes`",
        ":10:20: `rate`: `fast`",
        ":10:51: unknown key `fro`",
        ":12:20: `at`: `soon`",
        ":12:33: unknown service `nobody`",
        ":14:12: `verdict`: `maybe`",
    ] {
        assert!(
            ran.err.contains(&format!("ten-mistakes.yaml{place}")),
            "{place} is missing in\n{}",
            ran.err
        );
    }
    let fixes = ran.err.matches("    fix: ").count();
    assert!(
        ran.err.trim_end().ends_with(&format!("{fixes} problems")),
        "{}",
        ran.err
    );
}

#[test]
fn a_valid_file_is_told_so() {
    let ran = squall(&["validate", &fixture("commit-first.yaml")]);
    assert_eq!(ran.exit, Exit::Held, "{}", ran.err);
    assert!(
        ran.out.ends_with("commit-first.yaml: valid, 1 variant\n"),
        "{}",
        ran.out
    );
}

#[test]
fn one_seed_is_one_plan_and_another_seed_another() {
    let file = fixture("held.yaml");
    let plan = |seed| squall(&["plan", &file, "--seed", seed]);
    let first = plan("7");
    assert_eq!(first.exit, Exit::Held, "{}", first.err);
    assert!(!first.out.is_empty());
    assert_eq!(first.out, plan("7").out);
    assert_ne!(first.out, plan("8").out);
}

#[test]
fn the_schemas_are_json_and_the_stored_ones() {
    for of in ["scenario", "system", "report"] {
        let ran = squall(&["schema", of]);
        assert_eq!(ran.exit, Exit::Held);
        let printed: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let stored = format!("{}/../schema/{of}-v1.json", env!("CARGO_MANIFEST_DIR"));
        let stored: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(stored).unwrap()).unwrap();
        assert_eq!(
            printed, stored,
            "write it again: squall schema {of} > schema/{of}-v1.json"
        );
    }
}

#[test]
fn a_panic_is_a_defect_and_a_failure_is_told_with_its_help() {
    let mut err = Vec::new();
    let exit = guarded(&mut err, || panic!("on purpose, by a test"));
    assert_eq!(exit, Exit::Defect);
    let told = String::from_utf8(err).unwrap();
    assert!(told.contains("a defect in Squall"), "{told}");

    let mut err = Vec::new();
    let failure = squall::exit::Failure::environment("no disk").hint("buy one");
    assert_eq!(guarded(&mut err, || Err(failure)), Exit::Environment);
    assert_eq!(
        String::from_utf8(err).unwrap(),
        "error: no disk\n  help: buy one\n"
    );
}

#[test]
fn stored_runs_are_listed_and_judged_again_alike() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let none = squall(&["runs", "--out", out]);
    assert_eq!(
        (none.exit, none.out),
        (Exit::Held, format!("no runs in {out}\n"))
    );

    let run = stored(folder.path());
    let name = run.file_name().unwrap().to_str().unwrap();
    let before = std::fs::read(run.join("report.json")).unwrap();
    let listed = squall(&["runs", "--out", out]);
    assert!(
        listed.out.starts_with(&format!(
            "{name}  HELD  scenario=consumer-crash env=sim seed=5 lost=0"
        )),
        "{}",
        listed.out
    );
    for given in [name, "latest", run.to_str().unwrap()] {
        let judged = squall(&["judge", given, "--out", out, "--write"]);
        assert_eq!(
            judged.exit,
            Exit::Held,
            "{given}: {}{}",
            judged.out,
            judged.err
        );
        assert_eq!(
            std::fs::read(run.join("report.json")).unwrap(),
            before,
            "{given}"
        );
    }
}

#[test]
fn a_stored_run_prints_the_same_again_and_how_to_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let file = scenario("consumer-crash.yaml");
    let choice = [
        "--variant",
        "commit-before-effect",
        "--set",
        "load.keys={ uniform: 7 }",
        "--set",
        "timing.drain=20s",
        "--on",
        "sim",
        "--seed",
        "5",
    ];
    let mut arguments = vec!["scenario", &file, "--plain", "--out", out];
    arguments.extend(choice);
    let ran = squall(&arguments);
    assert_eq!(ran.exit, Exit::Violated, "{}{}", ran.out, ran.err);
    let again = format!(
        "again   squall scenario {file} --variant commit-before-effect --set 'load.keys={{ uniform: 7 }}' \
         --set timing.drain=20s --on sim --seed 5 "
    );
    assert!(ran.out.contains(&again), "{again:?} is not in {}", ran.out);
    let judged = squall(&["judge", "latest", "--out", out]);
    assert_eq!(judged.exit, Exit::Violated, "{}", judged.err);
    let begins = format!("squall {}  consumer-crash (", env!("CARGO_PKG_VERSION"));
    assert!(judged.out.starts_with(&begins), "{}", judged.out);
    let printed = ran.out.find(&begins).map(|at| &ran.out[at..]);
    assert_eq!(printed, Some(judged.out.as_str()));
}

#[test]
fn a_history_without_its_tail_is_never_held() {
    let folder = tempfile::tempdir().unwrap();
    let run = stored(folder.path());
    let history = run.join(FILE_NAME);
    let whole = std::fs::read(&history).unwrap();
    for keep in [whole.len() - 1, whole.len() * 9 / 10, whole.len() / 2] {
        std::fs::write(&history, &whole[..keep]).unwrap();
        let judged = squall(&["judge", run.to_str().unwrap()]);
        assert_eq!(
            judged.exit,
            Exit::Inconclusive,
            "{keep} bytes: {}{}",
            judged.out,
            judged.err
        );
        assert!(
            judged.out.contains("UNPROVEN"),
            "{keep} bytes: {}{}",
            judged.out,
            judged.err
        );
    }
}

#[test]
fn a_history_damaged_in_the_middle_proves_nothing_and_the_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = stored(folder.path());
    let history = run.join(FILE_NAME);
    let mut bytes = std::fs::read(&history).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&history, bytes).unwrap();
    let judged = squall(&["judge", run.to_str().unwrap()]);
    assert_eq!(
        judged.exit,
        Exit::Inconclusive,
        "{}{}",
        judged.out,
        judged.err
    );
    assert!(judged.err.contains("cannot be judged"), "{}", judged.err);
    assert!(
        judged.err.contains("byte") || judged.err.contains("block"),
        "{}",
        judged.err
    );
}

#[test]
fn one_seed_is_one_history_in_the_simulator() {
    for name in ["burst.yaml", "consumer-crash.yaml"] {
        let simulate = |seed: &str| {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().to_str().unwrap();
            let file = scenario(name);
            let ran = squall(&[
                "scenario", &file, "--on", "sim", "--seed", seed, "--plain", "--out", out,
            ]);
            assert_eq!(ran.exit, Exit::Held, "{}{}", ran.out, ran.err);
            let run = folder.path().join("latest");
            let report = std::fs::read_to_string(run.join("report.json")).unwrap();
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            let trace = report["trace"].as_str().unwrap().to_owned();
            (std::fs::read(run.join(FILE_NAME)).unwrap(), trace)
        };
        let (history, trace) = simulate("11");
        let (again, trace_again) = simulate("11");
        assert!(history == again, "{name}: two histories of one seed differ");
        assert_eq!(trace, trace_again, "{name}");
        assert_ne!(trace, simulate("12").1, "{name}");
    }
}
