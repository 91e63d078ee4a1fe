//! `squall demo`: one scenario twice, in half a minute: held on a sound consumer, violated with one bug switched on, and the
//! story of an event that was lost. It needs no files: scenario and system are in the binary.

mod progress;
mod text;

use super::scenario::{glyphs, shown};
use super::{choose, printed};
use crate::exit::{Exit, Failure};
use crate::run::{self, Finished, RunOptions};
use clap::Args;
use progress::Progress;
use squall_plan::plan::Environment;
use squall_plan::scenario::{Files, Request, from_text};
use squall_plan::{Plan, Scenario};
use squall_render::report::Verdict;
use std::io::{self, Write};
use std::path::PathBuf;

const SCENARIO: &str = include_str!("../../../../scenarios/consumer-crash.yaml");
const SYSTEM: &str = include_str!("../../../../systems/signup.yaml");
const FILE: &str = "scenarios/consumer-crash.yaml";
const BUG: &str = "commit-before-effect";

/// The scenario's half minute in 8 s: the consumer dies once, in a burst, so that it surely has work in hand. It shows what is lost,
/// and that on a machine with other things to do, too.
const SETS: [&str; 7] = [
    "load.stages=[{ rate: 150/s, for: 1500ms }, { rate: 1000/s, for: 1500ms }, { rate: 150/s, for: 5s }]",
    "faults=[{ name: crash, at: 2500ms, for: 1s, crash: consumer-db, prove: [process-restarted] }]",
    "system.env={ consumer-db: { DB_DELAY_MS: \"2\" } }",
    "expect.rate=5%",
    "expect.pacing=1m",
    "expect.thresholds={}",
    "timing={ ready: 60s, steady: 60s, drain: 120s }",
];

#[derive(Args)]
pub struct DemoArgs {
    /// Seed of both plans
    #[arg(long, default_value_t = 7421)]
    seed: u64,
    /// Folder in which the two runs' own folders are made
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

/// Exits 0 when the first run held and the second was violated; else 2, for then nothing was shown.
pub fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    printed(write!(out, "{}", text::INTRODUCTION))?;
    let Some(sound) = one(args, None, text::SOUND, out)? else {
        return Ok(Exit::Inconclusive);
    };
    let Some(broken) = one(args, Some(BUG), text::BROKEN, out)? else {
        return Ok(Exit::Inconclusive);
    };
    let verdicts = (sound.report.verdict, broken.report.verdict);
    if verdicts != (Verdict::Held, Verdict::Violated) {
        printed(write!(
            out,
            "{}",
            text::unexpected(&sound.report, &broken.report)
        ))?;
        return Ok(Exit::Inconclusive);
    }
    let folder = shown(&broken.folder);
    printed(write!(out, "{}", text::story(&broken.report)))?;
    printed(write!(out, "{}", text::next(&broken.report, &folder)))?;
    Ok(Exit::Held)
}

/// Runs and tells one of the two; `None` when the user had enough.
fn one(
    args: &DemoArgs,
    variant: Option<&str>,
    title: &str,
    out: &mut dyn Write,
) -> Result<Option<Finished>, Failure> {
    let plan = plan(variant, args.seed)?;
    printed(write!(out, "{title}").and_then(|()| out.flush()))?;
    let options = RunOptions {
        metrics: Default::default(),
        keep: false,
        out: args.out.clone(),
        live: false,
        glyphs: glyphs(),
    };
    let mut progress = Progress::new(out);
    let finished = run::run(&plan, &options, &mut progress)?;
    progress.end();
    printed(write!(out, "{}", text::result(&finished.report, glyphs())))?;
    Ok((!finished.interrupted).then_some(finished))
}

fn plan(variant: Option<&str>, seed: u64) -> Result<Plan, Failure> {
    let scenario = scenario(variant)?;
    Plan::derive(&scenario, seed, Environment::Embedded).map_err(choose::problems)
}

fn scenario(variant: Option<&str>) -> Result<Scenario, Failure> {
    // The demo's own delay goes last: the variant would set another.
    let request = Request {
        variant: variant.map(str::to_owned),
        sets: SETS.iter().map(|set| (*set).to_owned()).collect(),
    };
    from_text(FILE, SCENARIO, &request, &Inside).map_err(choose::problems)
}

/// The one file that the scenario names, from the binary.
struct Inside;

impl Files for Inside {
    fn find(&self, path: &str) -> io::Result<(String, String)> {
        match path {
            "systems/signup.yaml" => Ok((SYSTEM.to_owned(), ".".to_owned())),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "not in the binary")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plans_can_be_made_and_differ_in_the_bug_alone() {
        let sound = plan(None, 7).unwrap();
        let broken = plan(Some(BUG), 7).unwrap();
        assert!(sound.system.bugs.is_empty());
        assert_eq!(broken.system.bugs, [BUG]);
        assert_eq!(sound.loads, broken.loads);
        assert_eq!(sound.faults, broken.faults);
        assert_eq!(sound.system.environment, broken.system.environment);
    }
}
