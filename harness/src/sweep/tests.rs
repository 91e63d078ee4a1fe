//! A sweep against single runs of its seeds.

use super::*;
use crate::run::{self, RunOptions};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use squall_render::Glyphs;
use std::path::Path;

fn scenario(file: &str, variant: Option<&str>, events: u64) -> Scenario {
    set(file, variant, events, Vec::new())
}

fn set(file: &str, variant: Option<&str>, events: u64, sets: Vec<String>) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .join(file);
    let request = Request {
        variant: variant.map(str::to_owned),
        sets,
    };
    scenario::load(&path, &request).unwrap().scaled(events)
}

fn swept(scenario: &Scenario, seeds: u64, workers: usize, keep_going: bool) -> Found {
    let sweep = Sweep {
        scenario,
        first_seed: 10,
        seeds,
        shard: Shard::default(),
        save: None,
        keep_going,
        workers,
        progress: false,
    };
    run(&sweep).unwrap()
}

#[test]
fn a_seed_of_a_sweep_is_the_run_that_its_command_repeats() {
    let (file, variant) = ("consumer-crash.yaml", Some("commit-before-effect"));
    let scenario = scenario(file, variant, 500);
    for seed in [11, 12] {
        let seen = seed::run(&scenario, seed).unwrap();
        assert!(seen.repeat.contains("--events 500"), "{}", seen.repeat);
        assert!(
            seen.repeat.contains(&format!("--seed {seed}")),
            "{}",
            seen.repeat
        );
        let sets = scenario.jittered(seed).sets.clone();
        assert_eq!(sets.len(), 2, "one for each written fault");
        for one in &sets {
            assert!(
                seen.repeat.contains(&format!("--set {one}")),
                "{}",
                seen.repeat
            );
        }
        let named = set(file, variant, 500, sets);
        let plan = Plan::derive(&named, seed, Environment::Sim).unwrap();
        let out = tempfile::tempdir().unwrap();
        let options = RunOptions {
            metrics: Default::default(),
            keep: false,
            out: out.path().to_owned(),
            live: false,
            glyphs: Glyphs::from_locale(None),
        };
        let full = run::run(&plan, &options, &mut Vec::new()).unwrap();
        let trace = format!("{:016x}", seen.outcome.trace_hash);
        assert_eq!(full.report.trace.as_deref(), Some(trace.as_str()));
        assert_eq!(full.exit, Exit::from(seen.judgement.verdict));
        let sinks = seen
            .judgement
            .sinks
            .iter()
            .map(|sink| (sink.effects, sink.lost));
        let told = full
            .report
            .sinks
            .iter()
            .map(|sink| (sink.effects, sink.lost));
        assert!(sinks.eq(told));
    }
}

#[test]
fn the_first_violation_does_not_depend_on_the_number_of_workers() {
    let scenario = scenario("consumer-crash.yaml", Some("commit-before-effect"), 2_000);
    let first = |found: &Found| {
        let kinds = found.tally.violations.values();
        kinds.map(|kind| kind.first_seed).min()
    };
    let (one, three) = (
        swept(&scenario, 12, 1, false),
        swept(&scenario, 12, 3, false),
    );
    assert!(first(&one).is_some(), "the planted bug shows: {one:?}");
    assert_eq!(first(&one), first(&three));
    assert_eq!(one.exit(), Exit::Violated);
    assert_eq!(one.tally.violated, 1);
}

#[test]
fn a_sweep_adds_up_and_tells_what_happened() {
    let scenario = scenario("consumer-crash.yaml", None, 300);
    let found = swept(&scenario, 4, 2, true);
    assert_eq!((found.exit(), found.tally.seeds), (Exit::Held, 4));
    assert_eq!(found.tally.offered, 4 * 300);
    assert_eq!(found.tally.faults["first-crash"], (4, 4));
    assert!(found.tally.happened["rebalanced"] > 0);
    let text = found.text(&title(&scenario));
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with(
            "SWEEP held scenario=consumer-crash seeds=4 violated=0 inconclusive=0 rate="
        ),
        "{last}"
    );
}

#[test]
fn shards_that_are_saved_and_merged_come_to_what_one_sweep_does() {
    let scenario = scenario("consumer-crash.yaml", Some("commit-before-effect"), 300);
    let whole = swept(&scenario, 6, 2, true);
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (1..=2)
        .map(|n| folder.path().join(format!("{n}.json")))
        .collect();
    let sweep = |number: u64, first_seed: u64| {
        run(&Sweep {
            scenario: &scenario,
            first_seed,
            seeds: 6,
            shard: Shard { number, count: 2 },
            save: Some(&files[number as usize - 1]),
            keep_going: true,
            workers: 1,
            progress: false,
        })
    };
    assert_eq!(sweep(1, 10).unwrap().tally.seeds, 3);
    let half = merge(&files[..1]).unwrap();
    assert_eq!(
        half.missing,
        [Shard {
            number: 2,
            count: 2
        }]
    );
    sweep(2, 10).unwrap();
    // What is complete is not run again, and the file of one sweep is not taken for that of another.
    assert_eq!(sweep(2, 10).unwrap().tally.seeds, 3);
    assert!(sweep(2, 11).is_err());
    let merged = merge(&files).unwrap();
    assert!(merged.missing.is_empty());
    let sum = |tally: &Tally| Tally {
        virtual_s: 0.0,
        ..tally.clone()
    };
    assert_eq!(sum(&merged.found.tally), sum(&whole.tally));
    assert!(merge(&[&files[0], &files[0]]).is_err());
}
