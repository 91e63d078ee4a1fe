//! `squall scenario FILE`: run and judge.

use super::control::{self, Comparison};
use super::repeat::Tally;
use super::sim::{self, SweepArgs};
use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::run::{self, MetricsOptions, RunOptions, point_latest};
use clap::Args;
use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_render::{Glyphs, terminal};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct ScenarioArgs {
    /// Scenario file or folder; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
    /// Folder in which the run's own folder is made
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// Serve the run's metrics for Prometheus, as on 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<std::net::SocketAddr>,
    /// Push the run's last metrics to a Pushgateway, http://HOST:PORT
    #[arg(long, value_name = "URL")]
    push: Option<run::Gateway>,
    /// Plain lines instead of the live view
    #[arg(long)]
    plain: bool,
    /// Run the same plan without its faults afterwards, to see whether an anomaly comes from them (not with --repeat or --seeds)
    #[arg(long)]
    control: bool,
    /// Run it so often, with seeds counting up from the first, and tell how often what came and what that proves (not with --control or --seeds)
    #[arg(long, value_name = "N", conflicts_with = "control", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    repeat: Option<u64>,
    /// Leave brokers and services up after the verdict, for kcat and the like, until Enter or Ctrl-C (without the live view; not with --control, --repeat or --seeds)
    #[arg(long, conflicts_with_all = ["control", "repeat", "seeds"])]
    keep: bool,
    #[command(flatten)]
    sweep: SweepArgs,
}

pub fn run(args: &ScenarioArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    if args.sweep.seeds.is_some() {
        if args.control || args.repeat.is_some() {
            return Err(Failure::bad_input(
                "--seeds sweeps in memory: there is no --control or --repeat with it",
            ));
        }
        return sim::sweep(&args.file, &args.choice, &args.sweep, out);
    }
    if args.sweep.keep_going {
        return Err(
            Failure::bad_input("--keep-going is for sweeps of many seeds")
                .hint("add --on sim --seeds N"),
        );
    }
    let files = lookup::scenario_files(&args.file)?;
    // All files are read before the first one runs: a mistake in the last must not cost the time of the others.
    let plans = files
        .iter()
        .map(|file| args.choice.plan(file))
        .collect::<Result<Vec<Plan>, Failure>>()?;
    if args.keep
        && plans
            .iter()
            .any(|plan| plan.environment == Environment::Sim)
    {
        return Err(Failure::bad_input(
            "a simulation leaves nothing to keep: its brokers are no processes",
        )
        .hint("leave --keep or --on sim out"));
    }
    let mut worst = Exit::Held;
    for (file, plan) in files.iter().zip(&plans) {
        let (exit, interrupted) = match args.repeat {
            Some(times) => repeated(args, file, plan, times, out)?,
            None if args.control => controlled(args, file, plan, out)?,
            None => {
                let finished = run_one(args, plan, out)?;
                if let Some(kept) = finished.kept {
                    kept.hold(out)?;
                }
                (finished.exit, finished.interrupted)
            }
        };
        worst = worst.max(exit);
        if interrupted {
            break;
        }
    }
    Ok(worst)
}

/// The run, then its control. The exit code is the run's own.
fn controlled(
    args: &ScenarioArgs,
    file: &Path,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<(Exit, bool), Failure> {
    let without = control::plan(&args.choice, file, plan)?;
    let finished = run_one(args, plan, out)?;
    if finished.interrupted {
        return Ok((finished.exit, true));
    }
    printed(writeln!(out, "\nthe control: the same without its faults"))?;
    let compared = run_one(args, &without, out);
    // The control made itself the latest.
    point_latest(&args.out, &finished.folder);
    let compared = compared?;
    let comparison = Comparison::of(&finished, &compared);
    let json = serde_json::to_string_pretty(&comparison)
        .map_err(|error| Failure::defect(format!("cannot form the comparison: {error}")))?;
    let path = finished.folder.join(control::CONTROL_FILE);
    std::fs::write(&path, json + "\n").map_err(|error| {
        Failure::environment(format!("cannot write {}: {error}", path.display()))
    })?;
    printed(write!(
        out,
        "\n{}{} control={}\n",
        comparison.text(),
        terminal::last_line(&finished.report),
        comparison.verdict
    ))?;
    Ok((finished.exit, compared.interrupted))
}

/// The runs, one line each, and what they come to. An interrupted run ends the series, and counts as the one that it is.
fn repeated(
    args: &ScenarioArgs,
    file: &Path,
    first: &Plan,
    times: u64,
    out: &mut dyn Write,
) -> Result<(Exit, bool), Failure> {
    let mut tally = Tally::default();
    let mut interrupted = false;
    for number in 0..times {
        let choice = PlanChoice {
            seed: Some(first.seed.wrapping_add(number)),
            ..args.choice.clone()
        };
        let options = options(args);
        // The phases of each would hide what the series comes to.
        let finished = run::run(&choice.plan(file)?, &options, &mut std::io::sink())?;
        printed(writeln!(
            out,
            "{:>6} of {times}  {}",
            number + 1,
            terminal::last_line(&finished.report)
        ))?;
        printed(out.flush())?;
        tally.add(&finished.report);
        if finished.interrupted {
            interrupted = true;
            break;
        }
    }
    printed(write!(out, "\n{}", tally.text()))?;
    Ok((tally.exit(), interrupted))
}

fn options(args: &ScenarioArgs) -> RunOptions {
    RunOptions {
        metrics: MetricsOptions {
            serve: args.metrics,
            push: args.push.clone(),
        },
        out: args.out.clone(),
        keep: args.keep,
        live: !args.plain && !args.keep && args.repeat.is_none() && std::io::stdout().is_terminal(),
        glyphs: glyphs(),
    }
}

fn run_one(
    args: &ScenarioArgs,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<run::Finished, Failure> {
    let options = options(args);
    if !options.live {
        printed(writeln!(
            out,
            "squall {}  {}  seed {}",
            env!("CARGO_PKG_VERSION"),
            plan.name,
            plan.seed
        ))?;
        printed(out.flush())?;
    }
    let finished = run::run(plan, &options, out)?;
    let session = finished.folder.join(run::SESSION_FILE);
    if session.is_file() {
        let session = shown(&session);
        printed(writeln!(
            out,
            "what you did by hand is {session}: `squall scenario {session} --seed {}` does it again\n",
            plan.seed
        ))?;
    }
    printed(write!(
        out,
        "{}",
        terminal::summary(&finished.report, &shown(&finished.folder), options.glyphs)
    ))?;
    Ok(finished)
}

/// The folder as a user would type it.
pub fn shown(folder: &std::path::Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let relative = here.ok().and_then(|here| {
        folder
            .strip_prefix(here)
            .ok()
            .map(std::path::Path::to_owned)
    });
    relative
        .unwrap_or_else(|| folder.clone())
        .display()
        .to_string()
}

/// Unicode where the locale says UTF-8, by the precedence of POSIX.
pub fn glyphs() -> Glyphs {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Glyphs::from_locale(
        set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"))
            .as_deref(),
    )
}
