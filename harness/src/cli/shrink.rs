//! `squall shrink RUN`: the smallest scenario that still shows what the run showed.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::shrink::{self, Shrink, Shrunk, Step};
use clap::Args;
use squall_plan::plan::Environment;
use std::io::Write;
use std::path::PathBuf;

/// Runs of a candidate in which the violation must not show to be gone.
const TRIES_SIM: u64 = 10;
const TRIES: u64 = 2;
/// Runs that a search may take.
pub const RUNS_MAX: u64 = 400;

#[derive(Args)]
pub struct ShrinkArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// Where to run the candidates [default: where the run did]
    #[arg(long = "on", value_name = "ENVIRONMENT", value_parser = super::environment)]
    environment: Option<Environment>,
    /// Runs without the violation after which a candidate counts as clean [default: 2; 10 seeds with --on sim]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    tries: Option<u64>,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = RUNS_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
}

/// Exits 0 when something was written, whatever its size.
pub fn run(args: &ShrinkArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let simulated = match args.environment {
        Some(environment) => environment == Environment::Sim,
        None => folder.join(crate::run::TRACE_FILE).is_file(),
    };
    let shrink = Shrink {
        run: &folder,
        environment: args.environment,
        tries: args
            .tries
            .unwrap_or(if simulated { TRIES_SIM } else { TRIES }),
        runs_max: args.runs,
    };
    let mut number = 0;
    let mut tell = |step: &Step| told(out, &mut number, step);
    let shrunk = shrink::run(&shrink, &mut tell)?;
    printed(write!(out, "{}", text(&shrunk)))?;
    Ok(Exit::Held)
}

/// One line for a step.
pub fn told(out: &mut dyn Write, number: &mut u64, step: &Step) {
    *number += 1;
    let still = step.still.as_deref();
    let seen = still.map_or_else(|| "gone".to_owned(), |seen| format!("still there: {seen}"));
    // Nobody may be reading any more, which is no reason to end the search.
    let _ = writeln!(out, "{number:>4}  {:<36} {seen}", step.what).and_then(|()| out.flush());
}

/// Where the smaller scenario is, how it is run, and what went.
pub fn text(shrunk: &Shrunk) -> String {
    let plan = &shrunk.plan;
    let file = super::scenario_shown(&shrunk.file);
    format!(
        "\nscenario  {file}\nagain     squall scenario {file}{}{} --seed {}\n{}\n",
        shrink::on(plan.environment),
        plan.scaled_to
            .map_or_else(String::new, |events| format!(" --events {events}")),
        plan.seed,
        shrunk.line(),
    )
}
