//! `squall bugs`: how many seeds and seconds it takes to find each planted bug.

use super::printed;
use crate::bugs::{self, Measured, PLANTED, Planted};
use crate::exit::{Exit, Failure};
use clap::Args;
use std::io::Write;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct BugsArgs {
    /// Names of planted bugs [default: all]
    names: Vec<String>,
    /// Starting seeds for each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    starts: u64,
    /// Seeds of one start at most
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Seconds of one start at most
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Sweep so many seeds without any bug instead: whatever is violated is an alarm
    #[arg(long, value_name = "SEEDS", conflicts_with = "names")]
    correct: Option<u64>,
    /// With --correct: the first of them
    #[arg(long, default_value_t = 0, requires = "correct")]
    from: u64,
    /// Print the table of planted bugs, and run nothing
    #[arg(long)]
    table: bool,
}

/// Exits 1 when a bug was missed by a start, or the correct configuration gave an alarm.
pub fn run(args: &BugsArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    if args.table {
        printed(write!(out, "{}", bugs::document()))?;
        return Ok(Exit::Held);
    }
    match args.correct {
        Some(seeds) => correct(args.from, seeds, out),
        None => measured(args, out),
    }
}

fn correct(start: u64, seeds: u64, out: &mut dyn Write) -> Result<Exit, Failure> {
    let began = Instant::now();
    let alarms = bugs::correct(start, seeds)?;
    for alarm in &alarms {
        printed(writeln!(out, "ALARM     {alarm}"))?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = seeds as f64 / seconds.max(1e-9);
    let count = alarms.len();
    printed(writeln!(
        out,
        "CORRECT seeds={seeds} alarms={count} seconds={seconds:.1} rate={rate:.0}/s"
    ))?;
    Ok(match alarms.is_empty() {
        true => Exit::Held,
        false => Exit::Violated,
    })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Planted>, Failure> {
    if names.is_empty() {
        return Ok(PLANTED.iter().collect());
    }
    let find = |name: &String| {
        let known = PLANTED.iter().find(|planted| planted.name == *name);
        known.ok_or_else(|| {
            Failure::bad_input(format!("there is no planted bug `{name}`"))
                .hint("squall bugs --table lists them")
        })
    };
    names.iter().map(find).collect()
}

fn measured(args: &BugsArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let all = chosen(&args.names)?;
    printed(writeln!(
        out,
        "{:<30} {:<14} {:>12} {:>12} {:>10} {:>10}  missed",
        "bug", "where", "seeds p50", "seeds p95", "s p50", "s p95"
    ))?;
    let (mut missed, mut total) = (0_u64, 0_u64);
    for planted in &all {
        let within = Duration::from_secs(args.seconds);
        let measured = bugs::measure(planted, args.starts, args.seeds, within)?;
        missed += u64::from(measured.missed() > 0);
        total += 1;
        printed(writeln!(out, "{}", row(planted, &measured)))?;
        if let Some(repeat) = measured.repeat.filter(|_| !args.names.is_empty()) {
            printed(writeln!(out, "    {repeat}"))?;
        }
        printed(out.flush())?;
    }
    printed(writeln!(
        out,
        "BUGS total={total} missed={missed} starts={}",
        args.starts
    ))?;
    Ok(match missed {
        0 => Exit::Held,
        _ => Exit::Violated,
    })
}

fn row(planted: &Planted, measured: &Measured) -> String {
    let seeds = |percent| {
        let value = measured.quantile(&measured.seeds, percent);
        value.map_or_else(|| "-".to_owned(), |value| value.to_string())
    };
    let seconds = |percent| {
        let value = measured.quantile(&measured.seconds, percent);
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
    };
    format!(
        "{:<30} {:<14} {:>12} {:>12} {:>10} {:>10}  {} of {}",
        planted.name,
        planted.layer.name(),
        seeds(50),
        seeds(95),
        seconds(50),
        seconds(95),
        measured.missed(),
        measured.starts
    )
}
