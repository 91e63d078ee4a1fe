//! `squall-conform`: the conformance suite by hand.

use clap::{Parser, Subcommand};
use squall_conform::arm::{Jars, Real};
use squall_conform::generate::{Kind, sequence};
use squall_conform::{suite, text};
use squall_model::kafka::Defects;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Holds the embedded cluster to a specification and to a real Kafka")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Our cluster alone, against the specification, in virtual time.
    Check {
        #[arg(long, default_value_t = 0)]
        from: u64,
        #[arg(long, default_value_t = 1000)]
        count: u64,
        /// Prints failing sequences as they are.
        #[arg(long)]
        no_shrink: bool,
    },
    /// Our cluster and a real one, step by step.
    Compare {
        #[arg(long, default_value_t = 0)]
        from: u64,
        #[arg(long, default_value_t = 100)]
        count: u64,
        /// Stops beginning new sequences after so many seconds.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// Only sequences of clients, without disturbances.
        #[arg(long)]
        quiet: bool,
        /// Only sequences with disturbances.
        #[arg(long)]
        disturbed: bool,
        /// Prints differences as they are.
        #[arg(long)]
        no_shrink: bool,
        #[arg(long, default_value = "target/kafka-4.2.1")]
        jars: PathBuf,
    },
    /// How many sequences it takes to notice each mistake that our models can be told to make.
    Defects {
        #[arg(long, default_value_t = 400)]
        count: u64,
    },
    /// Prints the sequence of a seed.
    Show { seed: u64 },
    /// Runs a printed sequence on our cluster, or on both.
    Replay {
        file: PathBuf,
        #[arg(long)]
        real: bool,
        /// Mistakes that ours makes, with commas between them.
        #[arg(long, value_parser = Defects::parse, default_value = "")]
        defects: Defects,
        #[arg(long, default_value = "target/kafka-4.2.1")]
        jars: PathBuf,
    },
}

fn main() -> ExitCode {
    match obey(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("squall-conform: {error}");
            ExitCode::from(4)
        }
    }
}

fn obey(command: Command) -> Result<bool, Box<dyn Error>> {
    match command {
        Command::Check {
            from,
            count,
            no_shrink,
        } => check(from, count, !no_shrink),
        Command::Compare {
            from,
            count,
            seconds,
            quiet,
            disturbed,
            no_shrink,
            jars,
        } => {
            let wanted = |kind: Kind| match kind {
                Kind::Quiet => !disturbed,
                Kind::Disturbed => !quiet,
                // The real processes cannot lose power, and what is rough cannot be compared.
                Kind::Rough => false,
            };
            let seeds = (from..from + count).filter(|s| wanted(Kind::of(*s)));
            compare(seeds, Duration::from_secs(seconds), !no_shrink, &jars)
        }
        Command::Defects { count } => defects(count),
        Command::Show { seed } => {
            print!("{}", text::write(&sequence(seed)));
            Ok(true)
        }
        Command::Replay {
            file,
            real,
            defects,
            jars,
        } => replay(&file, real, defects, &jars),
    }
}

fn check(from: u64, count: u64, shrinks: bool) -> Result<bool, Box<dyn Error>> {
    let start = Instant::now();
    let (mut failed, mut steps) = (0, 0);
    for seed in from..from + count {
        let sequence = sequence(seed);
        steps += sequence.steps.len();
        if let Some(told) = suite::check(&sequence, Defects::default(), shrinks)? {
            failed += 1;
            println!("seed {seed} fails; `squall-conform replay FILE` repeats it:\n{told}");
        }
    }
    println!(
        "{count} sequences, {steps} steps, {failed} against the specification, in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(failed == 0)
}

fn defects(count: u64) -> Result<bool, Box<dyn Error>> {
    let mut all = true;
    for (name, defects) in squall_conform::defects::all() {
        let start = Instant::now();
        let found = suite::first_failure(0..count, defects)?;
        all &= found.is_some();
        let found = found.map_or("NOT NOTICED".to_owned(), |(seed, what)| {
            format!("seed {seed}: {what}")
        });
        println!("{name}: {found} ({:.1} s)", start.elapsed().as_secs_f64());
    }
    Ok(all)
}

fn compare(
    seeds: impl Iterator<Item = u64>,
    limit: Duration,
    shrinks: bool,
    jars: &std::path::Path,
) -> Result<bool, Box<dyn Error>> {
    let jars = match Jars::find(jars) {
        Ok(jars) => jars,
        Err(missing) => {
            println!("SKIPPED, and so not passed: {missing}");
            return Err(missing.to_string().into());
        }
    };
    let mut real = Real::start(jars)?;
    println!("a real Kafka with three brokers and a controller is up");
    let start = Instant::now();
    let (mut sequences, mut alike, mut different) = (0, 0, 0);
    let mut excepted: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        if start.elapsed() > limit {
            break;
        }
        let sequence = sequence(seed);
        let comparison = suite::both(&sequence, &mut real, &format!("s{seed}"))?;
        sequences += 1;
        alike += comparison.alike;
        for (name, count) in &comparison.excepted {
            *excepted.entry(name).or_default() += count;
        }
        for what in &comparison.theirs_wrong {
            println!("seed {seed}: the specification against the real Kafka: {what}");
        }
        if comparison.difference.is_none() && comparison.theirs_wrong.is_empty() {
            println!("seed {seed}: {} steps alike", comparison.alike);
            continue;
        }
        different += 1;
        let Some(difference) = comparison.difference else {
            continue;
        };
        println!(
            "seed {seed} differs at step {}\n  {}\n  ours:   {:?}\n  theirs: {:?}",
            difference.index,
            sequence
                .steps
                .get(difference.index)
                .map(text::line)
                .unwrap_or_default(),
            difference.ours,
            difference.theirs,
        );
        if shrinks {
            let mut head = sequence.clone();
            head.steps.truncate(difference.index + 1);
            let small = suite::shrink_difference(&head, &mut real, &format!("s{seed}"))?;
            let ours = suite::embedded(&small, Defects::default())?;
            println!("{}", suite::tell(&small, &ours, &[]));
        }
    }
    println!(
        "{sequences} sequences on both, {alike} steps alike, {excepted:?} excepted, {different} sequences different, in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(different == 0)
}

fn replay(
    file: &std::path::Path,
    real: bool,
    defects: Defects,
    jars: &std::path::Path,
) -> Result<bool, Box<dyn Error>> {
    let sequence = text::read(&std::fs::read_to_string(file)?)?;
    let ours = suite::embedded(&sequence, defects)?;
    let wrong = squall_conform::spec::violations(&sequence, &ours);
    print!("{}", suite::tell(&sequence, &ours, &wrong));
    if !real {
        return Ok(wrong.is_empty());
    }
    let jars = Jars::find(jars).map_err(|missing| missing.to_string())?;
    let mut cluster = Real::start(jars)?;
    let comparison = suite::both(&sequence, &mut cluster, "replay")?;
    println!("{comparison:#?}");
    Ok(wrong.is_empty() && comparison.difference.is_none())
}
