//! `squall score FILE`: how many lies a scenario catches, and what to add for the rest.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::score::{self, Scoring};
use clap::Args;
use squall_plan::plan::Environment;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct ScoreArgs {
    /// Scenario file; looked up in scenarios/ too
    file: PathBuf,
    /// Runs in which the entry and the sinks lie
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    runs: u64,
    /// Seeds for each lie of a broker and each planted bug of the system
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Exit 1 below this share of the lies that could be told, in percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    at_least: Option<u64>,
    /// Variant of the scenario
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Change a value of the scenario, as in --set load.stages.0.rate=500/s (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// Exits 1 when the score is too low.
pub fn run(args: &ScoreArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let choice = PlanChoice {
        seed: None,
        set: args.set.clone(),
        events: None,
        variant: args.variant.clone(),
        environment: Environment::Sim,
        allow_disturbing: false,
    };
    let scoring = Scoring {
        runs: args.runs,
        seeds: args.seeds,
    };
    let score = score::score(&lookup::scenario_file(&args.file)?, &choice, scoring)?;
    printed(write!(out, "{score}"))?;
    Ok(match args.at_least {
        Some(least) if score.percent() < least => Exit::Violated,
        _ => Exit::Held,
    })
}
