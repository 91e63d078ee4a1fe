//! Where environments and faults report what happened: the history, with the time of the run.

use super::supervision::{Observer, ReplicaId, ServiceEvent};
use crate::environment::guard::ExitSeen;
use squall_history::{Note, Recorder, ServiceState, What};
use std::sync::Arc;
use std::time::Instant;

/// Takes notes; stamps them itself.
pub trait Notes: Send + Sync {
    /// Nanoseconds since the start of the run.
    fn now_ns(&self) -> u64;

    /// Something that was seen to happen at a time of its own.
    fn note_at(&self, at: Instant, what: What);

    /// Something that happens now.
    fn note(&self, what: What) {
        self.note_at(Instant::now(), what);
    }
}

/// The history of a run that started at `started`.
#[derive(Clone)]
pub struct Journal {
    recorder: Recorder,
    started: Instant,
}

impl Journal {
    #[must_use]
    pub const fn new(recorder: Recorder, started: Instant) -> Self {
        Self { recorder, started }
    }

    fn since_start(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Notes for Journal {
    fn now_ns(&self) -> u64 {
        self.since_start(Instant::now())
    }

    fn note_at(&self, at: Instant, what: What) {
        self.recorder.note(Note::new(self.since_start(at), what));
    }
}

/// Turns what the supervisor sees into notes.
pub struct ServiceNotes(pub Arc<dyn Notes>);

impl Observer for ServiceNotes {
    fn service(&self, replica: &ReplicaId, event: ServiceEvent) {
        let (pid, state, detail) = match event {
            ServiceEvent::Started { pid } => (pid, ServiceState::Starting, String::new()),
            ServiceEvent::Ready { pid, after } => {
                let detail = format!("after {} ms", after.as_millis());
                (pid, ServiceState::Ready, detail)
            }
            // The fault or the tear-down that sent it says so itself; its effect is the exit.
            ServiceEvent::Signalled { .. } => return,
            ServiceEvent::Exited {
                pid,
                exit,
                expected,
            } => (pid, ended(exit, expected), exit.to_string()),
        };
        self.0.note(What::Service {
            name: replica.service.clone(),
            replica: replica.replica,
            pid: u32::try_from(pid).ok(),
            state,
            detail,
        });
    }

    fn guard_lost(&self) {
        self.0.note(What::Problem {
            source: "guard".to_owned(),
            text: "the guard process ended during the run".to_owned(),
        });
    }
}

fn ended(exit: ExitSeen, expected: bool) -> ServiceState {
    match (expected, exit) {
        (false, _) => ServiceState::Exited,
        (true, ExitSeen::KILLED) => ServiceState::Killed,
        (true, _) => ServiceState::Stopped,
    }
}
