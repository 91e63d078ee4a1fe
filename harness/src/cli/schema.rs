//! `squall schema`: JSON Schemas, for editors and for readers of reports.

use super::printed;
use crate::exit::{Exit, Failure};
use clap::{Args, ValueEnum};
use std::io::Write;

#[derive(Args)]
pub struct SchemaArgs {
    /// Schema of what
    #[arg(value_enum, default_value_t = Of::Scenario)]
    of: Of,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    Scenario,
    System,
    Report,
}

pub fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let schema = match args.of {
        Of::Scenario => squall_plan::shape::scenario_schema(),
        Of::System => squall_plan::shape::system_schema(),
        Of::Report => squall_render::report_schema(),
    };
    printed(writeln!(out, "{schema:#}"))?;
    Ok(Exit::Held)
}
