//! What a seed of a sweep makes of the times of written faults.

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request, Scenario};
use std::path::Path;

const FAULTS: &str = "faults=[{name: late, at: 12s, for: 1s, crash: consumer-email}, {name: early, at: 100ms, for: 2s, crash: producer}, \
                      {name: within, at: 1s, for: 300ms, kill: broker(1)}, {name: last, at: 16s, crash: consumer-db}]";

fn scenario(sets: &[String]) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/consumer-crash.yaml");
    let request = Request {
        sets: sets.to_vec(),
        ..Request::default()
    };
    scenario::load(&path, &request).unwrap_or_else(|why| panic!("{why}"))
}

fn plan(scenario: &Scenario, seed: u64) -> Plan {
    Plan::derive(scenario, seed, Environment::Sim).expect("it can be simulated")
}

/// Names of faults by their beginnings and ends.
fn order(plan: &Plan) -> Vec<(&str, bool)> {
    let faults = plan.faults.iter();
    let mut edges: Vec<(u64, &str, bool)> = faults
        .flat_map(|fault| {
            let end = fault.at_ns + fault.for_ns.unwrap_or(0);
            let name = fault.name.as_str();
            [(fault.at_ns, name, false), (end, name, true)]
        })
        .collect();
    edges.sort_unstable();
    edges
        .into_iter()
        .map(|(_, name, ends)| (name, ends))
        .collect()
}

#[test]
fn beginnings_move_within_bounds_in_the_order_that_is_written() {
    let written = scenario(&[FAULTS.to_owned()]);
    let whole = plan(&written, 0);
    let mut moved = false;
    for seed in 0..300 {
        let jittered = plan(&written.jittered(seed), seed);
        assert_eq!(order(&whole), order(&jittered), "seed {seed}");
        for (was, is) in whole.faults.iter().zip(&jittered.faults) {
            assert_eq!(was.name, is.name);
            let apart = was.at_ns.abs_diff(is.at_ns);
            assert!(apart <= written.sim.jitter_ns, "seed {seed}: {is:?}");
            moved |= apart > written.sim.jitter_ns / 2;
            let ends = is.at_ns + is.for_ns.expect("filled in");
            assert!(ends <= jittered.load_ends_ns, "seed {seed}: {is:?}");
        }
    }
    assert!(moved);
}

#[test]
fn what_the_command_sets_gives_the_same_plan() {
    let written = scenario(&[FAULTS.to_owned()]);
    for seed in 0..20 {
        let jittered = written.jittered(seed);
        let again = scenario(&jittered.sets);
        assert_eq!(plan(&jittered, seed), plan(&again, seed));
        assert_ne!(plan(&jittered, seed).faults, plan(&written, seed).faults);
    }
}

#[test]
fn without_jitter_times_are_those_that_are_written() {
    let none = scenario(&[FAULTS.to_owned(), "sim.jitter=0s".to_owned()]);
    assert_eq!(plan(&none.jittered(3), 3), plan(&none, 3));
}
