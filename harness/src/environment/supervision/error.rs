//! What can go wrong with services, in words for users.

use super::ReplicaId;
use std::io;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum SupervisionError {
    #[error(
        "the guard process cannot be started: {0}\n  help: Squall re-executes its own binary; it must still be where it was"
    )]
    NoGuard(io::Error),
    #[error("the guard process ended; it must not be killed while a run goes on")]
    GuardLost,
    #[error("cannot write logs to {folder}: {error}")]
    Logs { folder: String, error: io::Error },
    #[error("cannot start {replica}: {reason}")]
    NotStarted { replica: ReplicaId, reason: String },
    #[error("there is no service process {0}")]
    Unknown(ReplicaId),
    #[error("the run is being torn down, nothing more is started")]
    TearingDown,
    #[error("{0} is running already")]
    AlreadyRunning(ReplicaId),
    #[error("{replica} did not become ready within {}: {why}{}", seconds(*.within), indented(.log_path, .log_tail))]
    NotReady {
        replica: ReplicaId,
        within: Duration,
        /// What it was waited for and what was seen instead.
        why: String,
        log_path: String,
        log_tail: Vec<String>,
    },
    #[error("{replica} ended before it was ready ({exit}){}", indented(.log_path, .log_tail))]
    EndedEarly {
        replica: ReplicaId,
        exit: String,
        log_path: String,
        log_tail: Vec<String>,
    },
    #[error("{replica} is still there {} after SIGKILL", seconds(*.after))]
    Immortal { replica: ReplicaId, after: Duration },
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis() as f64 / 1000.0)
}

fn indented(path: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("\n  it wrote nothing to its log {path}");
    }
    let mut text = format!("\n  last lines of {path}:");
    for line in lines {
        text.push_str("\n    | ");
        text.push_str(line);
    }
    text
}
