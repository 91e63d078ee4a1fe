//! `squall plan FILE`: the derived timeline, without running. One seed, one plan, byte for byte.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct PlanArgs {
    /// Scenario file; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
}

pub fn run(args: &PlanArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let file = lookup::scenario_file(&args.file)?;
    let plan = args.choice.plan(&file)?;
    printed(write!(out, "{}", plan.to_text()))?;
    Ok(Exit::Held)
}
