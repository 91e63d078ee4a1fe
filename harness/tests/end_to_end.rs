//! Whole runs with the real binary: one small scenario for each way in which a run can end.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Run, living, measuring};

#[test]
fn a_sound_system_is_held_and_its_history_is_judged_the_same_again() {
    let _alone = measuring();
    let run = Run::of("held.yaml", &["--seed", "7421"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        run.last_line(),
        "HELD  scenario=held env=embedded seed=7421 lost=0 anomalies=0 exit=0"
    );
    let report = run.report();
    assert_eq!(report["verdict"], "held");
    assert_eq!(report["load"]["accepted"], 100);
    for sink in report["sinks"].as_array().unwrap() {
        let name = sink["name"].as_str().unwrap();
        let resolution_ms = &report["harness"]["tap_resolution_ms"][name];
        assert!(resolution_ms.is_number(), "{name}: {resolution_ms}");
    }
    let judged = run.judge_again();
    assert_eq!(judged.code, Some(0), "{judged}");
    let header = format!("squall {}  held  embedded:", env!("CARGO_PKG_VERSION"));
    let verdict = run.out.find(&header).map(|at| &run.out[at..]);
    assert_eq!(Some(judged.out.as_str()), verdict);
    assert_eq!(run.report(), report, "judging again writes the same report");
    let junit = run.file("junit.xml");
    assert!(
        junit.starts_with("<?xml") && junit.trim_end().ends_with("</testsuites>"),
        "{junit}"
    );
    assert!(!junit.contains("<failure"), "{junit}");
    assert!(living(&run).is_empty());
}

#[test]
fn a_report_has_all_that_its_schema_requires_and_nothing_else() {
    let _alone = measuring();
    let run = Run::of("held.yaml", &["--set", "load.stages.0.for=1s"]);
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/report-v1.json");
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let report = run.report();
    let known = schema["properties"].as_object().unwrap();
    for name in schema["required"].as_array().unwrap() {
        assert!(
            report.get(name.as_str().unwrap()).is_some(),
            "{name} is missing"
        );
    }
    for name in report.as_object().unwrap().keys() {
        assert!(known.contains_key(name), "{name} is not in the schema");
    }
    let typed: squall_render::Report = serde_json::from_value(report.clone()).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap(), report);
}

/// Runs a fixture that must prove nothing, for this reason.
fn is_inconclusive(fixture: &str, reason: &str) -> Run {
    is_inconclusive_with(fixture, &[], reason)
}

fn is_inconclusive_with(fixture: &str, more: &[&str], reason: &str) -> Run {
    let _alone = measuring();
    let run = Run::of(fixture, more);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.last_line().starts_with("INCONCLUSIVE"), "{run}");
    let unproven = |line: &str| line.starts_with("UNPROVEN") && line.contains(reason);
    assert!(
        run.out.lines().any(unproven),
        "{reason:?} is missing in {run}"
    );
    assert!(living(&run).is_empty(), "{run}");
    run
}

#[test]
fn a_load_that_cannot_reach_its_rate_proves_nothing() {
    // One connection, 20 ms and more a request, carries 125 events at most until the last one has waited for its 500 ms: 875 of 1,000 find none.
    let usual = ["--set", "expect.rate=20%"];
    is_inconclusive_with("slow-entry.yaml", &usual, "found no free connection");
}

#[test]
fn events_later_than_they_may_be_prove_nothing() {
    let strict = ["--set", "expect.pacing=1ns"];
    is_inconclusive_with("held.yaml", &strict, "set expect.pacing higher on purpose");
}

#[test]
fn a_table_that_is_not_there_proves_nothing() {
    let run = is_inconclusive("wrong-table.yaml", "The sink users was not read to its end");
    let told_once = |line: &str| line.matches("Check").count() == 1;
    let unread = |line: &&str| line.contains("was not read to its end");
    assert!(run.out.lines().filter(unread).all(told_once), "{run}");
    assert!(run.out.contains("model, 1 broker  seed"), "{run}");
}

#[test]
fn a_folder_that_never_appears_proves_nothing() {
    is_inconclusive(
        "no-directory.yaml",
        "The sink nowhere was not read to its end",
    );
}

#[test]
fn a_service_that_ends_by_itself_proves_nothing() {
    is_inconclusive("dies.yaml", "ended by itself: odd/0 exit code 7");
}

#[test]
fn a_service_that_goes_past_the_proxy_proves_nothing() {
    is_inconclusive("bypass.yaml", "no byte of odd/0 passed the fault proxy");
}

#[test]
fn a_fault_without_its_consequence_proves_nothing() {
    is_inconclusive("no-bite.yaml", "did not cause group-rebalanced");
}

#[test]
fn a_drain_that_does_not_end_is_not_held() {
    let _alone = measuring();
    let run = Run::of("no-drain.yaml", &[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.last_line().starts_with("VIOLATED (stuck)"), "{run}");
    assert!(
        run.out
            .contains("UNPROVEN  The drain did not end within 6 s"),
        "{run}"
    );
    let junit = run.file("junit.xml");
    assert!(junit.contains("<failure"), "{junit}");
}

#[test]
fn a_crash_after_an_early_commit_loses_what_at_least_once_promised() {
    let _alone = measuring();
    let run = Run::of("commit-first.yaml", &[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.last_line().starts_with("VIOLATED (loss)"), "{run}");
    assert!(run.last_line().contains("anomalies=lost-write:"), "{run}");
    assert!(
        run.out.contains("process-restarted: consumer-db/0"),
        "{run}"
    );
}

#[test]
fn the_same_loss_is_allowed_at_most_once() {
    let _alone = measuring();
    let run = Run::of("commit-first.yaml", &["--variant", "at-most-once"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.last_line().contains("anomalies=0"), "{run}");
    assert!(
        !run.last_line().contains("lost=0"),
        "the crash lost nothing, which proves nothing: {run}"
    );
}

#[test]
fn a_program_that_is_not_there_is_an_environment_that_cannot_be() {
    let run = Run::of("no-command.yaml", &[]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(
        run.err
            .contains("the program `no-such-program` was not found"),
        "{run}"
    );
}

#[test]
fn a_service_that_is_never_ready_is_told_with_its_last_lines() {
    let run = Run::of("never-ready.yaml", &[]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(
        run.err.contains("odd/0 did not become ready within 5 s"),
        "{run}"
    );
    assert!(run.err.contains("| cannot reach the moon"), "{run}");
    assert!(living(&run).is_empty(), "{run}");
}
