//! Runs a scenario for a number of seeds, prints what became of each, and how many seeds a second that was.
//!
//! `cargo run --release -p squall-sim --example simulate -- scenarios/burst.yaml [VARIANT|-] [FIRST_SEED] [SEEDS] [EVENTS] [--notes] [--quiet]`

// Only who measures looks at the clock.
#![allow(clippy::disallowed_methods)]

use squall_check::Kind;
use squall_history::{Event, What};
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use squall_plan::{Plan, Scenario};
use squall_sim::Detail;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let notes = arguments.iter().any(|argument| argument == "--notes");
    let quiet = arguments.iter().any(|argument| argument == "--quiet");
    arguments.retain(|argument| !argument.starts_with("--"));
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
    let scenario = match argument(4) {
        Some(events) => scenario.scaled(events.parse()?),
        None => scenario,
    };
    let started = Instant::now();
    let mut sum = Sum::default();
    for seed in first..first + count {
        if quiet {
            sum.add(&scenario, seed)?;
        } else {
            simulate(&scenario, seed, notes)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{count} seeds in {seconds:.2} s: {:.2} seeds/s",
        count as f64 / seconds
    );
    if quiet {
        sum.print(seconds);
    }
    Ok(())
}

/// What a number of seeds came to, when nobody looks at what became of each.
#[derive(Default)]
struct Sum {
    offered: u64,
    happened: u64,
    messages: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, scenario: &Scenario, seed: u64) -> Result<(), Box<dyn Error>> {
        let plan = Plan::derive(scenario, seed, Environment::Sim)
            .map_err(|problems| problems.to_string())?;
        let mut sink = |event: Event| {
            let offered = matches!(event, Event::Op(op) if op.kind == Kind::Offered);
            self.offered += u64::from(offered);
        };
        let outcome = squall_sim::run_with(&plan, Detail::Verdict, &mut sink)?;
        self.happened += outcome.events;
        self.messages += outcome.counts.messages;
        self.hash = self.hash.rotate_left(1) ^ outcome.trace_hash;
        Ok(())
    }

    fn print(&self, seconds: f64) {
        let rate = |count: u64| count as f64 / seconds;
        println!(
            "{:.0} events/s, {:.0} messages/s, {:.0} kernel events/s; an event: {:.1} messages, {:.1} kernel events; all hashes {:016x}",
            rate(self.offered),
            rate(self.messages),
            rate(self.happened),
            self.messages as f64 / self.offered as f64,
            self.happened as f64 / self.offered as f64,
            self.hash
        );
    }
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
