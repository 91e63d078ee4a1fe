//! `squall scenario FILE`: run and judge.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::run::{self, RunOptions};
use clap::Args;
use squall_plan::Plan;
use squall_render::{Glyphs, terminal};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

#[derive(Args)]
pub struct ScenarioArgs {
    /// Scenario file or folder; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
    /// Folder in which the run's own folder is made
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// Plain lines instead of the live view
    #[arg(long)]
    plain: bool,
}

pub fn run(args: &ScenarioArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let files = lookup::scenario_files(&args.file)?;
    // All files are read before the first one runs: a mistake in the last must not cost the time of the others.
    let plans = files
        .iter()
        .map(|file| args.choice.plan(file))
        .collect::<Result<Vec<Plan>, Failure>>()?;
    let mut worst = Exit::Held;
    for plan in &plans {
        let finished = run_one(args, plan, out)?;
        worst = worst.max(finished.exit);
        if finished.interrupted {
            break;
        }
    }
    Ok(worst)
}

fn run_one(
    args: &ScenarioArgs,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<run::Finished, Failure> {
    let live = !args.plain && std::io::stdout().is_terminal();
    let options = RunOptions {
        out: args.out.clone(),
        live,
        glyphs: glyphs(),
    };
    if !live {
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
