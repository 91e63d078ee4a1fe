//! A run in virtual time.

use super::RunFolder;
use crate::exit::{Exit, Failure};
use squall_history::{Event, FILE_NAME, HistoryError, Writer};
use squall_plan::Plan;
use squall_sim::SimError;

/// Name of the file that holds the trace hash: equal hashes, equal runs.
pub const TRACE_FILE: &str = "trace";

/// Runs the plan in the simulator. Virtual time cannot be interrupted by a user: it is over too soon.
pub fn run(plan: &Plan, folder: &RunFolder) -> Result<(), Failure> {
    let mut writer =
        Writer::create(&folder.path().join(FILE_NAME)).map_err(|error| unwritten(&error))?;
    let mut problem: Option<HistoryError> = None;
    let mut sink = |event: Event| {
        let written = writer.event(&event);
        if let Err(error) = written {
            problem.get_or_insert(error);
        }
    };
    let outcome = squall_sim::run(plan, &mut sink).map_err(|error| refused(&error))?;
    let flushed = writer.flush();
    if let Some(error) = problem.or(flushed.err()) {
        return Err(unwritten(&error));
    }
    folder.write(TRACE_FILE, &format!("{:016x}\n", outcome.trace_hash))
}

fn refused(error: &SimError) -> Failure {
    Failure::new(Exit::Environment, format!("the simulation: {error}"))
        .hint("what the simulator cannot do, --on embedded can")
}

fn unwritten(error: &HistoryError) -> Failure {
    Failure::environment(format!("cannot write the history: {error}"))
}
