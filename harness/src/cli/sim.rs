//! `squall sim FILE --seeds N`: one scenario, many seeds, in virtual time.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::parallel::cores;
use crate::shrink::{self, Step};
use crate::sweep::{self, Shard, Sweep};
use clap::Args;
use squall_plan::Scenario;
use squall_plan::plan::Environment;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Seeds of `squall sim` without `--seeds`.
const SEEDS: u64 = 1_000;

#[derive(Args)]
pub struct SimArgs {
    /// Scenario file; looked up in scenarios/ too
    #[arg(required_unless_present = "merge")]
    file: Option<PathBuf>,
    /// Add up what shards have saved, and run nothing
    #[arg(long, value_name = "FILES", num_args = 1.., conflicts_with_all = ["file", "seeds", "shard", "save"])]
    merge: Vec<PathBuf>,
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
    /// With --seeds: run one part of them only, as in 2/8, the first being 1
    #[arg(long, value_name = "NUMBER/COUNT")]
    pub shard: Option<Shard>,
    /// With --seeds: keep the state in this file, for --merge, and go on from it when it is there
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// With --seeds: cut the first violated seed down to the smallest scenario that still shows it
    /// [default file: reports/shrunk-SCENARIO-SEED.yaml]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub shrink: Option<Option<PathBuf>>,
}

pub fn run(args: &SimArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let Some(file) = &args.file else {
        return merged(&args.merge, out);
    };
    let choice = PlanChoice {
        environment: Environment::Sim,
        ..args.choice.clone()
    };
    let wanted = SweepArgs {
        seeds: args.sweep.seeds.or(Some(SEEDS)),
        ..args.sweep.clone()
    };
    sweep(file, &choice, &wanted, out)
}

/// What shards came to together. Without one of them nothing is proven.
fn merged(files: &[PathBuf], out: &mut dyn Write) -> Result<Exit, Failure> {
    let merged = sweep::merge(files)?;
    for shard in &merged.missing {
        printed(writeln!(out, "MISSING   shard {shard}, or the rest of it"))?;
    }
    printed(write!(out, "{}", merged.found.text(&merged.title)))?;
    let exit = merged.found.exit();
    Ok(match merged.missing.is_empty() {
        true => exit,
        false => exit.max(Exit::Inconclusive),
    })
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
    let scenario = choice.swept(&lookup::scenario_file(file)?)?;
    let sweep = Sweep {
        scenario: &scenario,
        first_seed: choice.seed.unwrap_or(0),
        seeds: wanted.seeds.unwrap_or(SEEDS),
        shard: wanted.shard.unwrap_or_default(),
        save: wanted.save.as_deref(),
        keep_going: wanted.keep_going,
        workers: cores(),
        progress: std::io::stderr().is_terminal(),
    };
    let found = sweep::run(&sweep)?;
    printed(write!(out, "{}", found.text(&sweep::title(&scenario))))?;
    let violations = found.tally.violations.values();
    let first = violations.map(|kind| kind.first_seed).min();
    if let (Some(file), Some(seed)) = (&wanted.shrink, first) {
        shrunk(&scenario, seed, file.as_deref(), out)?;
    }
    Ok(found.exit())
}

/// Cuts a violated seed down and tells of it.
fn shrunk(
    scenario: &Scenario,
    seed: u64,
    file: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let plan = sweep::plan_seed(scenario, seed)?;
    let judgement = sweep::judged(scenario, seed)?;
    let named = format!("reports/shrunk-{}-{seed}.yaml", scenario.name);
    let file = file.unwrap_or(Path::new(&named));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::environment(format!("cannot make {}: {error}", folder.display()))
        })?;
    }
    printed(writeln!(out, "\nshrinking seed {seed}"))?;
    let mut number = 0;
    let mut tell = |step: &Step| super::shrink::told(out, &mut number, step);
    let runs = super::shrink::RUNS_MAX;
    let shrunk = shrink::seed(&plan, &judgement, file, runs, &mut tell)?;
    printed(write!(out, "{}", super::shrink::text(&shrunk)))
}
