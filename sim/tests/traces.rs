//! Trace hashes that were recorded once hold in every later process, in debug and in release, on every machine:
//!
//!     cargo test -p squall-sim --test traces                    # optimised, with debug assertions and checks of overflow
//!     cargo test --profile plain -p squall-sim --test traces    # without any of these: quick to build
//!     cargo test --release -p squall-sim --test traces
//!
//! A change of what the simulation does changes them, and with them what every seed means: then the new ones are recorded here. A change
//! that is only to make it faster must leave them as they are.

#![allow(clippy::unwrap_used)]

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use std::path::Path;

/// Scenario, variant, seed, and the hash with the load scaled to 100 events.
const RECORDED: &[(&str, Option<&str>, u64, u64)] = &[
    ("burst", None, 1, 0x10f6_9b18_009f_dd1d),
    (
        "consumer-crash",
        Some("commit-before-effect"),
        7,
        0x81a2_f545_e122_7b59,
    ),
    ("poison-events", None, 9, 0x47be_acda_90c7_4e1c),
    ("sim/brokers", None, 3, 0x4fc6_063e_d8f9_25c0),
    ("sim/services", None, 2, 0x07dc_c676_1d09_9595),
    ("sim/log", None, 5, 0x03dc_9144_b237_18c1),
    ("sim/page-cache", None, 4, 0x91a6_22af_78b2_4b5a),
];

#[test]
fn recorded_traces_hold() {
    let mut other = Vec::new();
    for (file, variant, seed, recorded) in RECORDED {
        let path = format!("{}/../scenarios/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let request = Request {
            variant: variant.map(str::to_owned),
            ..Request::default()
        };
        let read = scenario::load(Path::new(&path), &request);
        let scenario = read.map_err(|all| all.to_string()).unwrap().scaled(100);
        let plan = Plan::derive(&scenario, *seed, Environment::Sim);
        let plan = plan.map_err(|all| all.to_string()).unwrap();
        let found = squall_sim::run(&plan, &mut |_| {}).unwrap().trace_hash;
        if found != *recorded {
            other.push(format!("{file}, seed {seed}: {found:#018x}"));
        }
    }
    assert!(
        other.is_empty(),
        "traces are not those that were recorded:\n{}",
        other.join("\n")
    );
}
