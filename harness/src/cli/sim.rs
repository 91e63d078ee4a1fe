//! `squall sim FILE --seeds N`: one scenario, many seeds, in virtual time.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::sweep::{self, Sweep};
use clap::Args;
use squall_plan::plan::Environment;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// Seeds of `squall sim` without `--seeds`.
const SEEDS: u64 = 1_000;

#[derive(Args)]
pub struct SimArgs {
    /// Scenario file; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
    #[command(flatten)]
    sweep: SweepArgs,
}

/// A sweep over many seeds.
#[derive(Args, Clone, Debug)]
pub struct SweepArgs {
    /// With --on sim: run this many seeds, from --seed on [default of --seed: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// With --seeds: go on after a violation, and collect distinct anomalies
    #[arg(long)]
    pub keep_going: bool,
}

pub fn run(args: &SimArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let choice = PlanChoice {
        environment: Environment::Sim,
        ..args.choice.clone()
    };
    let wanted = SweepArgs {
        seeds: args.sweep.seeds.or(Some(SEEDS)),
        ..args.sweep.clone()
    };
    sweep(&args.file, &choice, &wanted, out)
}

/// Runs the seeds and prints what they came to.
pub fn sweep(
    file: &Path,
    choice: &PlanChoice,
    wanted: &SweepArgs,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    if choice.environment != Environment::Sim {
        return Err(
            Failure::bad_input("only the simulator runs many seeds at once").hint("add --on sim"),
        );
    }
    let scenario = choice.scenario(&lookup::scenario_file(file)?)?;
    // Without --events the load is scaled as the scenario's `sim:` block says.
    let scenario = match choice.events {
        Some(_) => scenario,
        None => scenario.scaled(scenario.sim.events),
    };
    let sweep = Sweep {
        scenario: &scenario,
        first_seed: choice.seed.unwrap_or(0),
        seeds: wanted.seeds.unwrap_or(SEEDS),
        keep_going: wanted.keep_going,
        workers: thread::available_parallelism().map_or(1, usize::from),
        progress: std::io::stderr().is_terminal(),
    };
    let found = sweep::run(&sweep)?;
    printed(write!(out, "{}", found.text(&scenario)))?;
    Ok(found.exit())
}
