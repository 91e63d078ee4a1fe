//! `squall shrink RUN`: the smallest scenario that still shows what the run showed.

use super::{lookup, printed};
use crate::exit::{Exit, Failure};
use crate::shrink::{self, Shrink, Step};
use clap::Args;
use squall_plan::plan::Environment;
use std::io::Write;
use std::path::PathBuf;

/// Runs of a candidate in which the violation must not show to be gone.
const TRIES_SIM: u64 = 10;
const TRIES: u64 = 2;

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
    };
    let mut number = 0;
    let mut tell = |step: &Step| {
        number += 1;
        let still = step.still.as_deref();
        let seen = still.map_or_else(|| "gone".to_owned(), |seen| format!("still there: {seen}"));
        // Nobody may be reading any more, which is no reason to end the search.
        let _ = writeln!(out, "{number:>4}  {:<36} {seen}", step.what).and_then(|()| out.flush());
    };
    let shrunk = shrink::run(&shrink, &mut tell)?;
    let plan = &shrunk.plan;
    let file = super::scenario_shown(&shrunk.file);
    let text = format!(
        "\nscenario  {file}\nagain     squall scenario {file}{}{} --seed {}\nSHRUNK  {}  faults={} of {} load={:.1}s of {:.1}s runs={}\n",
        shrink::on(plan.environment),
        plan.scaled_to
            .map_or_else(String::new, |events| format!(" --events {events}")),
        plan.seed,
        shrunk.signature,
        plan.faults.len(),
        shrunk.faults_before,
        plan.load_ends_ns as f64 / 1e9,
        shrunk.load_before_ns as f64 / 1e9,
        shrunk.runs,
    );
    printed(write!(out, "{text}"))?;
    Ok(Exit::Held)
}
