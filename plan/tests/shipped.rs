//! The files of the repository: good, planned the same for ever, and described by the schemas.

#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Request, load};
use squall_plan::shape::{scenario_schema, system_schema};
use squall_plan::yaml;
use std::path::Path;
use support::{Validator, root, variant, yaml_files};

fn plan(file: &Path, request: &Request, seed: u64) -> Plan {
    let mut scenario = load(file, request).unwrap_or_else(|problems| panic!("{problems}"));
    // Where the repository lies must not show in a snapshot.
    scenario.file = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut folders = file.components().rev().skip(1);
    let folder = folders
        .next()
        .map(|part| part.as_os_str().to_string_lossy());
    let environment = match folder.as_deref() {
        Some("sim") => Environment::Sim,
        Some("docker") => Environment::Docker,
        _ => Environment::Embedded,
    };
    Plan::derive(&scenario, seed, environment).unwrap()
}

#[test]
fn shipped_scenarios_and_their_variants_are_good_and_round_trip() {
    for file in yaml_files("scenarios") {
        let scenario =
            load(&file, &Request::default()).unwrap_or_else(|problems| panic!("{problems}"));
        let chosen = scenario.variants.iter().map(|name| variant(name));
        for request in chosen.chain([Request::default()]) {
            let plan = plan(&file, &request, 7421);
            let json = serde_json::to_string(&plan).unwrap();
            let again: Plan = serde_json::from_str(&json).unwrap();
            assert_eq!(again, plan, "{}", file.display());
            assert_eq!(serde_json::to_string(&again).unwrap(), json);
        }
    }
}

#[test]
fn plans_print_the_same_for_ever() {
    for name in ["burst", "consumer-crash", "poison-events", "broker-loss"] {
        let file = root().join(format!("scenarios/{name}.yaml"));
        insta::assert_snapshot!(name, plan(&file, &Request::default(), 7421).to_text());
    }
}

#[test]
fn another_seed_is_another_load() {
    let file = root().join("scenarios/burst.yaml");
    let digest = |seed| plan(&file, &Request::default(), seed).digest();
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn shipped_scenarios_are_short_and_modest() {
    for file in yaml_files("scenarios")
        .iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == "bench"))
    {
        let plan = plan(file, &Request::default(), 1);
        assert!(plan.load_ends_ns <= 25_000_000_000, "{}", file.display());
        let events: u64 = plan.loads.iter().map(|load| load.events).sum();
        assert!(events <= 20_000, "{}", file.display());
    }
}

/// `SQUALL_UPDATE_SCHEMA=1 cargo test -p squall-plan --test shipped` writes them anew.
#[test]
fn schemas_are_current() {
    for (name, schema) in [
        ("scenario-v1.json", scenario_schema()),
        ("system-v1.json", system_schema()),
    ] {
        let file = root().join("schema").join(name);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            stored == text,
            "schema/{name} is out of date: SQUALL_UPDATE_SCHEMA=1 cargo test -p squall-plan --test shipped"
        );
    }
}

#[test]
fn shipped_files_fit_their_schemas() {
    for (folder, schema) in [
        ("scenarios", scenario_schema()),
        ("systems", system_schema()),
    ] {
        let validator = Validator::new(schema);
        for file in yaml_files(folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut problems = squall_plan::Problems::default();
            let tree = yaml::parse("x", &text, &mut problems).unwrap().to_json();
            let errors = validator.errors(&tree);
            assert_eq!(errors, None, "{}", file.display());
        }
    }
}
