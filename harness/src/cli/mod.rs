//! The command line: one file a subcommand. Whatever a subcommand prints goes through `out`, so that tests drive it in memory.

mod bugs;
mod chance;
mod choose;
mod clean;
mod cluster_api;
mod compare;
mod control;
mod demo;
mod explain;
mod export;
mod judge;
pub(crate) mod lookup;
mod plan;
mod repeat;
mod report;
mod runs;
mod scenario;
mod schema;
mod score;
mod serve;
mod serve_proxy;
mod service;
mod shrink;
mod sim;
mod story;
mod test;
mod validate;
mod watch;

pub(crate) use choose::problems;
pub(crate) use scenario::shown as scenario_shown;

use crate::exit::{Exit, Failure};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;

/// Break an event-driven system on a timeline and see whether an event is lost, duplicated, reordered or stuck.
#[derive(Parser)]
#[command(name = "squall", version, propagate_version = true, after_help = EXITS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "Exit codes: 0 held, 1 violated, 2 inconclusive, 3 bad scenario or arguments, \
4 environment could not be provided, 70 a defect in Squall";

#[derive(Subcommand)]
enum Command {
    /// Run a scenario (or each file of a folder) and judge it
    #[command(alias = "run")]
    Scenario(scenario::ScenarioArgs),
    /// Run a scenario in virtual time for many seeds (`squall scenario --on sim --seeds`)
    Sim(sim::SimArgs),
    /// Look for planted bugs in the stock scenarios, and tell how many seeds and seconds it takes to find each
    Bugs(bugs::BugsArgs),
    /// Tell lies to a scenario, and count how many it catches
    Score(score::ScoreArgs),
    /// Tell what a configuration can lose, with counterexamples and the change that closes each
    Explain(explain::ExplainArgs),
    /// Run scenarios with all their variants and compare the verdicts with those that the files expect
    Test(test::TestArgs),
    /// See it work in half a minute: a run that holds, the same with a bug, and the story of a lost event
    Demo(demo::DemoArgs),
    /// Print the derived timeline without running anything
    Plan(plan::PlanArgs),
    /// Check a scenario file; all problems at once
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of scenario files (or of system files, or of report.json)
    Schema(schema::SchemaArgs),
    /// Judge a stored run again
    Judge(judge::JudgeArgs),
    /// Tell the way of one event of a stored run, step by step
    Story(story::StoryArgs),
    /// Take faults out of a violated run one by one while it stays violated, and write the smaller scenario
    Shrink(shrink::ShrinkArgs),
    /// Draw the reports of a stored run again
    Report(report::ReportArgs),
    /// Show a stored run again in the dashboard, at any speed
    Watch(watch::WatchArgs),
    /// Put runs side by side and mark what is more than noise
    Compare(compare::CompareArgs),
    /// Write a stored run as Parquet and JSON Lines
    Export(export::ExportArgs),
    /// Remove old runs
    Clean(clean::CleanArgs),
    /// List stored runs
    Runs(runs::RunsArgs),
    /// Run a service of a reference system alone
    Service(service::ServiceArgs),
    /// Serve an embedded cluster for anyone's tests
    Serve(serve::ServeArgs),
}

/// Settings of a plan, shared by every subcommand that makes one.
#[derive(Args, Clone, Debug)]
pub struct PlanChoice {
    /// Seed of the plan: same seed, same plan [default: drawn from the clock, and printed]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Change a value of the scenario, as in --set load.stages.0.rate=500/s (repeatable)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Scale the load to about this many events, in the shape of its stages [default: as the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub events: Option<u64>,
    /// Variant of the scenario
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Where to run: `embedded` (our brokers behind the real protocol), `docker` (real brokers in containers), `external` (a cluster of yours) or `sim` (virtual time)
    #[arg(long = "on", value_name = "ENVIRONMENT", default_value = "embedded", value_parser = environment)]
    pub environment: squall_plan::plan::Environment,
    /// On a cluster of others: use topics and groups whose names the system has fixed as they are, although others may use them too
    #[arg(long)]
    pub allow_disturbing: bool,
}

fn environment(text: &str) -> Result<squall_plan::plan::Environment, String> {
    let mut all = squall_plan::plan::Environment::ALL.into_iter();
    let found = all.find(|one| one.name() == text);
    found.ok_or_else(|| "there are `embedded`, `sim`, `docker` and `external`".to_owned())
}

/// Parses the arguments, runs the subcommand, prints what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut out = std::io::stdout();
    let mut err = std::io::stderr();
    execute(arguments, &mut out, &mut err)
}

/// The whole command line over the given outputs.
pub fn execute(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, out, err),
    };
    guarded(err, || dispatch(cli.command, out))
}

/// Runs the work of a command: a failure is told with its help, and a panic is a defect of ours with an exit code of its own.
pub fn guarded(err: &mut dyn Write, work: impl FnOnce() -> Result<Exit, Failure>) -> Exit {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            let _ = writeln!(err, "error: {failure}");
            failure.exit
        }
        Err(_) => {
            let _ = writeln!(
                err,
                "error: a defect in Squall (see above); please report it with the command and the scenario"
            );
            Exit::Defect
        }
    }
}

/// Clap exits 2 on bad arguments; with us 2 means inconclusive, so bad arguments are 3.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = write!(out, "{text}");
            Exit::Held
        }
        _ => {
            let _ = write!(err, "{text}");
            Exit::BadInput
        }
    }
}

fn dispatch(command: Command, out: &mut dyn Write) -> Result<Exit, Failure> {
    match command {
        Command::Scenario(args) => scenario::run(&args, out),
        Command::Sim(args) => sim::run(&args, out),
        Command::Bugs(args) => bugs::run(&args, out),
        Command::Score(args) => score::run(&args, out),
        Command::Explain(args) => explain::run(&args, out),
        Command::Test(args) => test::run(&args, out),
        Command::Demo(args) => demo::run(&args, out),
        Command::Plan(args) => plan::run(&args, out),
        Command::Validate(args) => validate::run(&args, out),
        Command::Schema(args) => schema::run(&args, out),
        Command::Judge(args) => judge::run(&args, out),
        Command::Story(args) => story::run(&args, out),
        Command::Shrink(args) => shrink::run(&args, out),
        Command::Report(args) => report::run(&args, out),
        Command::Watch(args) => watch::run(&args),
        Command::Compare(args) => compare::run(&args, out),
        Command::Export(args) => export::run(&args, out),
        Command::Clean(args) => clean::run(&args, out),
        Command::Runs(args) => runs::run(&args, out),
        Command::Service(args) => service::run(&args),
        Command::Serve(args) => serve::run(&args, out),
    }
}

/// A write to the terminal that failed: nobody reads any more, which is no defect of the run.
fn printed(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::environment(
            format!("cannot write the output: {error}"),
        )),
        _ => Ok(()),
    }
}
