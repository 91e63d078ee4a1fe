//! A supervisor with shell scripts for services, and eyes of its own for processes.
#![allow(dead_code)] // Each test program uses its part.

use squall::environment::guard::{ExitSeen, Launch};
use squall::environment::processes;
use squall::environment::supervision::{
    Observer, Readiness, ReplicaId, ReplicaSpec, ServiceEvent, Supervisor, SupervisorOptions,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Bench {
    pub supervisor: Supervisor,
    pub folder: tempfile::TempDir,
    events: Arc<Events>,
}

#[derive(Default)]
struct Events(Mutex<Vec<String>>);

impl Observer for Events {
    fn service(&self, replica: &ReplicaId, event: ServiceEvent) {
        let text = match event {
            ServiceEvent::Started { pid } => format!("{replica} started {pid}"),
            ServiceEvent::Ready { pid, .. } => format!("{replica} ready {pid}"),
            ServiceEvent::Signalled { pid, signal } => format!("{replica} got {signal} {pid}"),
            ServiceEvent::Exited {
                pid,
                exit,
                expected,
            } => {
                let expected = if expected { "expected" } else { "unexpected" };
                format!("{replica} exited {pid} {exit} {expected}")
            }
        };
        self.0.lock().unwrap().push(text);
    }

    fn guard_lost(&self) {
        self.0.lock().unwrap().push("guard lost".to_owned());
    }
}

pub fn start_supervisor(logs: PathBuf, observer: Arc<dyn Observer>) -> Supervisor {
    let options = SupervisorOptions {
        logs,
        guard_program: Some(env!("CARGO_BIN_EXE_squall").into()),
    };
    Supervisor::start(options, observer).unwrap()
}

pub fn script(supervisor: &Supervisor, folder: PathBuf, name: &str, script: &str) -> ReplicaSpec {
    let id = ReplicaId::new(name, 0);
    ReplicaSpec {
        launch: Launch {
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: [].into(),
            working_directory: folder,
            log: supervisor.log_path(&id),
        },
        id,
        readiness: Readiness::Running,
        ready_within: Duration::from_secs(20),
        stop_timeout: Duration::from_secs(60),
    }
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = Arc::new(Events::default());
        let observer = Arc::clone(&events);
        Self {
            supervisor: start_supervisor(folder.path().join("logs"), observer),
            folder,
            events,
        }
    }

    /// Replica 0 of a service that runs a shell script.
    pub fn declare(
        &self,
        name: &str,
        text: &str,
        change: impl FnOnce(&mut ReplicaSpec),
    ) -> ReplicaId {
        let folder = self.folder.path().to_owned();
        let mut spec = script(&self.supervisor, folder, name, text);
        change(&mut spec);
        let id = spec.id.clone();
        self.supervisor.declare(spec);
        id
    }

    /// How it ended, if it was running.
    pub fn kill(&self, id: &ReplicaId) -> Option<ExitSeen> {
        let ended = self.supervisor.kill(std::slice::from_ref(id)).unwrap();
        ended[0].map(|ended| ended.exit)
    }

    /// How it ended, if it was running.
    pub fn stop(&self, id: &ReplicaId) -> Option<ExitSeen> {
        let ended = self.supervisor.stop(std::slice::from_ref(id)).unwrap();
        ended[0].map(|ended| ended.exit)
    }

    pub fn log(&self, id: &ReplicaId) -> String {
        std::fs::read_to_string(self.supervisor.log_path(id)).unwrap_or_default()
    }

    pub fn events(&self) -> Vec<String> {
        self.events.0.lock().unwrap().clone()
    }

    /// Descendants of the guard that left the replica's group and have become `sleep`.
    pub fn below_guard_in_other_groups(&self, id: &ReplicaId) -> Vec<i32> {
        let leader = self.supervisor.status(id).unwrap().pid().unwrap();
        let all = processes::list();
        let parents = [leader, self.supervisor.guard_pid()];
        all.iter()
            .filter(|p| parents.contains(&p.parent) && p.group != leader && p.is_alive())
            .filter(|p| processes::command_line(p.pid).starts_with("sleep"))
            .map(|p| p.pid)
            .collect()
    }
}

/// Pids of living processes that carry the marker.
pub fn living_with(marker: &str) -> Vec<i32> {
    processes::list()
        .iter()
        .filter(|p| p.is_alive() && processes::carries(p.pid, marker))
        .map(|p| p.pid)
        .collect()
}

pub fn kill_pid(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
