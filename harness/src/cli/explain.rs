//! `squall explain`: what can my configuration lose?

use super::printed;
use crate::exit::{Exit, Failure};
use crate::explain::{self, Explained, Found, Setting, Settings};
use clap::Args;
use squall_render::report::Step;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Lines of a counterexample.
const LINES: usize = 6;

#[derive(Args)]
pub struct ExplainArgs {
    /// A properties file with settings of producer, consumer and topic
    file: Option<PathBuf>,
    /// A setting of the producer, as in --producer acks=1 (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    producer: Vec<String>,
    /// A setting of the consumer, as in --consumer enable.auto.commit=true (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    consumer: Vec<String>,
    /// A setting of the topic, as in --topic min.insync.replicas=1 (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    topic: Vec<String>,
    /// Seeds at most
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Seconds at most, about
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Exits 1 when something was found.
pub fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut settings = Settings::default();
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::bad_input(format!("cannot read {}: {error}", file.display()))
        })?;
        settings.take_file(&text)?;
    }
    for setting in args
        .producer
        .iter()
        .chain(&args.consumer)
        .chain(&args.topic)
    {
        settings.take(setting)?;
    }
    settings.complete();
    let given: Vec<String> = settings.given.iter().map(Setting::text).collect();
    let given = match given.is_empty() {
        true => "nothing: the stock scenarios as they are".to_owned(),
        false => given.join(" "),
    };
    printed(writeln!(out, "SETTINGS  {given}"))?;
    if !settings.unheeded.is_empty() {
        let names = settings.unheeded.join(", ");
        printed(writeln!(
            out,
            "UNHEEDED  {names}: the models know nothing of them"
        ))?;
    }
    printed(out.flush())?;
    let within = Duration::from_secs(args.seconds);
    let explained = explain::explain(&settings, args.seeds, within)?;
    printed(write!(out, "{}", text(&explained)))?;
    Ok(match explained.found.is_empty() {
        true => Exit::Held,
        false => Exit::Violated,
    })
}

/// What is looked for, in the order in which it is told when it was not found.
const KINDS: &[(&str, &str)] = &[
    ("lost-write", "accepted, and lost"),
    ("duplicate-effect", "once sent, twice there"),
    ("order", "a later event of a key before an earlier one"),
    ("rejected-effect", "refused, and there all the same"),
    ("stuck", "on its way for ever"),
];

fn text(explained: &Explained) -> String {
    let mut text = String::new();
    for found in &explained.found {
        one(&mut text, found, explained);
    }
    let missing = KINDS.iter();
    let missing = missing.filter(|(kind, _)| explained.found.iter().all(|one| one.name != *kind));
    for (kind, about) in missing {
        let _ = writeln!(
            text,
            "\n{kind} ({about}): not found in {} seeds",
            explained.seeds
        );
    }
    let names: Vec<&str> = explained.found.iter().map(|found| found.name).collect();
    let names = match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(","),
    };
    let _ = writeln!(
        text,
        "\nEXPLAINED found={names} seeds={} seconds={:.1}",
        explained.seeds, explained.seconds
    );
    text
}

fn one(text: &mut String, found: &Found, explained: &Explained) {
    let about = KINDS.iter().find(|(kind, _)| *kind == found.name);
    let about = about.map_or(String::new(), |(_, about)| format!(" ({about})"));
    let _ = writeln!(
        text,
        "\n{}{about}: in {} of {} seeds. Event {}:",
        found.name, found.seeds, explained.seeds, found.story.event
    );
    // What comes last is what became of it; how it began is needed to understand that.
    let told = |step: &&Step| {
        step.what != "offered" && !(step.what == "fault" && step.detail.contains(" healed"))
    };
    let steps: Vec<&Step> = found.story.steps.iter().filter(told).collect();
    let head = steps.iter().take(2);
    let tail = steps
        .iter()
        .skip((steps.len().saturating_sub(LINES - 2)).max(2));
    for step in head.chain(tail) {
        let _ = writeln!(
            text,
            "{:>9.3} s  {:<10} {}",
            step.at_ms / 1e3,
            step.what,
            step.detail
        );
    }
    let closed = match &found.closed_by {
        Some(changes) => {
            let changes: Vec<String> = changes.iter().map(Setting::text).collect();
            format!("{}: not found again", changes.join(" and "))
        }
        None if explained.tried_all => {
            "no single setting or pair of those that were tried".to_owned()
        }
        None => "not looked for to the end: give --seconds more".to_owned(),
    };
    let _ = writeln!(text, "  closed by  {closed}\n  again      {}", found.repeat);
}
