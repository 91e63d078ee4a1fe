//! Runs a scenario for a number of seeds, prints what became of each, and how many seeds a second that was.
//!
//! `cargo run --release -p squall-sim --example simulate -- scenarios/burst.yaml [VARIANT|-] [FIRST_SEED] [SEEDS] [--notes]`

use squall_check::Kind;
use squall_history::{Event, What};
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use squall_plan::{Plan, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let notes = arguments.iter().any(|argument| argument == "--notes");
    arguments.retain(|argument| argument != "--notes");
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let file = argument(0).unwrap_or("scenarios/burst.yaml");
    let variant = argument(1).filter(|name| *name != "-").map(str::to_owned);
    let first: u64 = argument(2).unwrap_or("1").parse()?;
    let count: u64 = argument(3).unwrap_or("1").parse()?;
    let request = Request {
        variant,
        ..Request::default()
    };
    let scenario =
        scenario::load(Path::new(file), &request).map_err(|problems| problems.to_string())?;
    let started = Instant::now();
    for seed in first..first + count {
        simulate(&scenario, seed, notes)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{count} seeds in {seconds:.2} s: {:.2} seeds/s",
        count as f64 / seconds
    );
    Ok(())
}

fn simulate(scenario: &Scenario, seed: u64, notes: bool) -> Result<(), Box<dyn Error>> {
    let plan =
        Plan::derive(scenario, seed, Environment::Sim).map_err(|problems| problems.to_string())?;
    let mut ops: BTreeMap<(Kind, u16), u64> = BTreeMap::new();
    let mut accepted = BTreeSet::new();
    let mut effects: BTreeMap<u16, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut unsound = Vec::new();
    let started = Instant::now();
    let mut take = |event| match event {
        Event::Op(op) => {
            *ops.entry((op.kind, op.place)).or_default() += 1;
            if op.kind == Kind::Accepted {
                accepted.insert(op.event.0);
            }
            if matches!(op.kind, Kind::Effect | Kind::DeadLettered) {
                *effects
                    .entry(op.place)
                    .or_default()
                    .entry(op.event.0)
                    .or_default() += 1;
            }
        }
        Event::Note(note) => {
            if let What::Health {
                key,
                ok: false,
                detail,
            } = &note.what
            {
                unsound.push(format!("{key}: {detail}"));
            }
            if notes && !matches!(note.what, What::Commit { .. }) {
                println!("{:>12.6}  {:?}", note.at as f64 / 1e9, note.what);
            }
        }
    };
    let outcome = squall_sim::run(&plan, &mut take)?;
    let lost =
        |sink: &BTreeMap<u64, u64>| accepted.iter().filter(|id| !sink.contains_key(id)).count();
    let doubled = |sink: &BTreeMap<u64, u64>| sink.values().filter(|count| **count > 1).count();
    let sinks: Vec<String> = effects
        .iter()
        .map(|(place, sink)| format!("{place}: lost {} doubled {}", lost(sink), doubled(sink)))
        .collect();
    println!(
        "seed {seed} trace {:016x} events {} virtual {:.3} s real {:.3} s  {}",
        outcome.trace_hash,
        outcome.events,
        outcome.virtual_ns as f64 / 1e9,
        started.elapsed().as_secs_f64(),
        sinks.join(", "),
    );
    if notes {
        println!("{ops:?}");
    }
    unsound
        .iter()
        .for_each(|why| println!("  not shown: {why}"));
    Ok(())
}
