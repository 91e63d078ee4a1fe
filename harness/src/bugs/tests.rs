//! A sample of what `squall bugs` measures.

use super::*;
use crate::cli::lookup;
use squall_plan::scenario::{ExpectedVerdict, Request};
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
    // What the one does shows as slowness, in scenarios/slow-mail.yaml; the other goes wrong with its clock, in scenarios/sim/clocks.yaml.
    let elsewhere = ["coupled-consumers", "stale-by-clock"];
    let bugs = bugs.filter(|name| !elsewhere.contains(name));
    for name in switches.chain(bugs) {
        assert!(names.contains(name), "{name} is planted nowhere");
    }
    for bug in PLANTED {
        assert!(!planted(bug).unwrap().is_empty(), "{}", bug.name);
    }
}

/// A bug that a system can be given is of use when a scenario shows it: violated, and with the anomaly that the table names.
#[test]
fn every_bug_of_a_system_has_a_variant_that_shows_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut known, mut shown) = (BTreeSet::new(), BTreeSet::new());
    let folders = ["scenarios", "scenarios/sim"];
    let files = folders.map(|folder| lookup::scenario_files(&root.join(folder)).unwrap());
    for file in files.concat() {
        let load = |variant: Option<&String>| {
            let request = Request {
                variant: variant.cloned(),
                ..Request::default()
            };
            squall_plan::scenario::load(&file, &request).unwrap()
        };
        let plain = load(None);
        let services = &plain.system.spec.services;
        let bugs = services.iter().flat_map(|service| &service.bugs);
        known.extend(bugs.map(|bug| bug.name.clone()));
        for variant in &plain.variants {
            let scenario = load(Some(variant));
            let expect = &scenario.expect;
            let as_it_must = |bug: &String| {
                let planted = PLANTED.iter().find(|planted| planted.name == bug);
                planted.is_none_or(|planted| {
                    let named = |name: &String| planted.anomalies.contains(&name.as_str());
                    expect.anomalies.iter().any(named)
                })
            };
            if expect.verdict == ExpectedVerdict::Violated {
                let bugs = scenario.system.bugs.iter().filter(|bug| as_it_must(bug));
                shown.extend(bugs.cloned());
            }
        }
    }
    assert!(known.len() >= 20, "{known:?}");
    let unseen: Vec<&String> = known.difference(&shown).collect();
    assert!(unseen.is_empty(), "no scenario shows {unseen:?}");
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
