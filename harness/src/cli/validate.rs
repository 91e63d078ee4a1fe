//! `squall validate FILE`: all problems at once.

use super::choose::problems;
use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use clap::Args;
use squall_plan::Plan;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct ValidateArgs {
    /// Scenario file or folder; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
}

pub fn run(args: &ValidateArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut bad = Vec::new();
    for file in lookup::scenario_files(&args.file)? {
        let checked = args.choice.scenario(&file).and_then(|scenario| {
            Plan::derive(
                &scenario,
                args.choice.seed.unwrap_or(0),
                args.choice.environment,
            )
            .map_err(problems)?;
            Ok(scenario)
        });
        match checked {
            Ok(scenario) => {
                let variants = scenario.variants.len();
                printed(writeln!(
                    out,
                    "{}: valid, {variants} variant{}",
                    file.display(),
                    if variants == 1 { "" } else { "s" }
                ))?;
            }
            Err(failure) => bad.push(failure.to_string()),
        }
    }
    if bad.is_empty() {
        Ok(Exit::Held)
    } else {
        Err(Failure::bad_input(bad.join("\n")))
    }
}
