//! A planted bug under three faults of which one matters.

use super::{Shrink, run};
use crate::run::{RunOptions, run as run_plan};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Disk, Request, from_text};
use squall_render::Glyphs;
use std::path::{Path, PathBuf};

const SCENARIO: &str = "
squall: 1
name: three-faults
system: { use: systems/signup.yaml, bugs: [commit-before-effect], env: { consumer-db: { DB_DELAY_MS: '12' } } }
bus: { kafka: { topics: { signups: { min.insync.replicas: 2 } }, client: { session.timeout.ms: 6000 } } }
load: { stages: [{ rate: 80/s, for: 10s }, { rate: 20/s, for: 10s }] }
faults:
  - { name: mail-crashes, at: 2s, for: 1s, crash: consumer-email }
  - { name: db-crashes, at: 3s, for: 1s, crash: consumer-db }
  - { name: broker-restarts, at: 12s, for: 1s, kill: broker(2) }
expect:
  thresholds:
    detect_ms{fault:mail-crashes}: value<60000
    drain_ms: value<60000
variants:
  unused: { set: { load.stages.0.rate: 10/s } }
";

fn options(out: &Path) -> RunOptions {
    RunOptions {
        metrics: Default::default(),
        keep: false,
        out: out.to_owned(),
        live: false,
        glyphs: Glyphs::from_locale(None),
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn of_three_faults_the_one_that_matters_is_left_and_the_yaml_replays() {
    let out = tempfile::tempdir().unwrap();
    let file = repository().join("three-faults.yaml");
    let files = Disk::beside(&file);
    let request = Request {
        sets: vec!["load.stages.1.for=8s".to_owned()],
        ..Request::default()
    };
    let name = file.display().to_string();
    let scenario = from_text(&name, SCENARIO, &request, &files).unwrap();
    // A seed whose run loses something.
    let violated = (0..20).find_map(|seed| {
        let plan = Plan::derive(&scenario, seed, Environment::Sim).unwrap();
        let finished = run_plan(&plan, &options(out.path()), &mut std::io::sink()).unwrap();
        (finished.exit == crate::exit::Exit::Violated).then_some(finished)
    });
    let violated = violated.expect("the planted bug shows");
    let shrink = Shrink {
        run: &violated.folder,
        environment: None,
        tries: 10,
        runs_max: 400,
    };
    let mut steps = Vec::new();
    let shrunk = run(&shrink, &mut |step| steps.push(step.clone())).unwrap();
    let left: Vec<&str> = shrunk
        .plan
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    assert_eq!(left, ["db-crashes"], "{steps:?}");
    assert_eq!(shrunk.original.faults.len(), 3);
    assert!(
        shrunk.plan.load_ends_ns < shrunk.original.load_ends_ns,
        "{steps:?}"
    );
    let gone = steps.iter().filter(|step| step.still.is_none());
    assert!(gone.count() >= 1, "no step was taken back: {steps:?}");

    let yaml = std::fs::read_to_string(&shrunk.file).unwrap();
    assert!(
        yaml.contains("verdict: violated") && !yaml.contains("variants"),
        "{yaml}"
    );
    let text = yaml.as_str();
    let beside = Disk::beside(&shrunk.file);
    let again = from_text("shrunk.yaml", text, &Request::default(), &beside).unwrap();
    let plan = Plan::derive(&again, shrunk.plan.seed, Environment::Sim).unwrap();
    let replayed = run_plan(&plan, &options(out.path()), &mut std::io::sink()).unwrap();
    let judged = crate::verdict::judge(&replayed.folder).unwrap();
    assert!(shrunk.signature.is_in(&judged.judgement), "{yaml}");
}

#[test]
fn a_run_that_held_is_not_shrunk() {
    let out = tempfile::tempdir().unwrap();
    let file = repository().join("three-faults.yaml");
    let sets = ["system.bugs=[]", "faults=[]", "expect.thresholds={}"];
    let request = Request {
        sets: sets.map(str::to_owned).to_vec(),
        ..Request::default()
    };
    let name = file.display().to_string();
    let scenario = from_text(&name, SCENARIO, &request, &Disk::beside(&file)).unwrap();
    let plan = Plan::derive(&scenario, 1, Environment::Sim).unwrap();
    let held = run_plan(&plan, &options(out.path()), &mut std::io::sink()).unwrap();
    let shrink = Shrink {
        run: &held.folder,
        environment: None,
        tries: 1,
        runs_max: 400,
    };
    let refused = run(&shrink, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("not violated"), "{refused}");
}
