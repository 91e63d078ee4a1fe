//! A sample of what `squall bugs` measures.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

#[test]
fn the_document_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/planted-bugs.md");
    let text = document();
    if std::env::var_os("SQUALL_UPDATE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stored == text,
        "docs/planted-bugs.md is out of date: SQUALL_UPDATE_DOCS=1 cargo test -p squall --lib bugs"
    );
}

#[test]
fn every_switch_is_in_the_table_and_every_bug_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = PLANTED.iter().map(|planted| planted.name).collect();
    assert_eq!(names.len(), PLANTED.len());
    assert!(PLANTED.len() >= 40, "{}", PLANTED.len());
    let switches = squall_model::kafka::Defects::NAMES.iter();
    let bugs = squall_sut::Bug::ALL.iter().map(|(name, _)| name);
    // Nothing is lost by it: it shows as slowness, in scenarios/slow-mail.yaml.
    let bugs = bugs.filter(|name| **name != "coupled-consumers");
    for name in switches.chain(bugs) {
        assert!(names.contains(name), "{name} is planted nowhere");
    }
    for bug in PLANTED {
        assert!(!planted(bug).unwrap().is_empty(), "{}", bug.name);
    }
}

/// The bugs that show within a few seeds; the others are measured by bench/planted-bugs.sh.
#[test]
fn bugs_are_found_and_without_them_there_is_no_alarm() {
    let mut alarms = correct(0, 10).unwrap();
    // A seed that proves nothing is told by `squall bugs --correct`; here it is violations that count.
    alarms.retain(|alarm| !alarm.starts_with("inconclusive"));
    assert!(alarms.is_empty(), "{alarms:#?}");
    let sample = [
        "commit-before-effect",
        "no-key",
        "dedup-by-user",
        "acks-0",
        "in-flight",
    ];
    for bug in PLANTED.iter().filter(|bug| sample.contains(&bug.name)) {
        let scenarios = planted(bug).unwrap();
        let hunt = hunt(bug, &scenarios, 0, 60, Duration::from_secs(600)).unwrap();
        assert!(hunt.found.is_some(), "{} was not found", bug.name);
    }
}
