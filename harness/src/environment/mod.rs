//! Where a plan runs: brokers, services, readiness, supervision and tear-down.

pub mod guard;
pub mod ports;
pub mod processes;
pub mod supervision;
pub mod sweep;

use std::process::ExitCode;

/// Becomes the guard when this process was started as one (`squall __guard RUN`), and returns its exit code when it
/// is done. To be called first of all in `main`, before any thread or file: the guard closes what it inherited.
#[must_use]
pub fn guard_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != guard::SUBCOMMAND {
        return None;
    }
    let run = arguments.next()?;
    Some(guard::run(&run.to_string_lossy()))
}
