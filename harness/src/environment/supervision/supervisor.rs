//! Starts, watches, signals and ends the replicas of services.

use super::error::SupervisionError;
use super::hindrance::Hindrance;
use super::log;
use super::replica::{Observer, Replica, ReplicaId, ReplicaSpec, ServiceEvent, Status};
use super::state::{Shared, State};
use crate::environment::guard::{ExitSeen, GuardClient, Order};
use crate::environment::sweep::{MARKER_VARIABLE, REPLICA_VARIABLE};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The guard answers at once; this long means that the machine is on its knees.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// Folder for `<service>-<replica>.log`; made when it is not there.
    pub logs: PathBuf,
    /// Binary that becomes the guard when called with `__guard`; `None`: this one.
    pub guard_program: Option<PathBuf>,
}

/// Owns the guard and all service processes of a run. Shared by reference between phases, faults and taps.
pub struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) guard: GuardClient,
    pub(super) run: String,
    logs: PathBuf,
}

impl Supervisor {
    /// Starts the guard.
    ///
    /// # Errors
    /// [`SupervisionError::NoGuard`], [`SupervisionError::Logs`].
    pub fn start(
        options: SupervisorOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, SupervisionError> {
        std::fs::create_dir_all(&options.logs)
            .and_then(|()| options.logs.canonicalize())
            .map_err(|error| SupervisionError::Logs {
                folder: options.logs.display().to_string(),
                error,
            })
            .and_then(|logs| {
                let shared = Arc::new(Shared::new(observer));
                let run = unique_run();
                let heard = Arc::clone(&shared);
                let guard = GuardClient::start(options.guard_program, &run, move |told| {
                    heard.take_in(told);
                })
                .map_err(SupervisionError::NoGuard)?;
                Ok(Self {
                    shared,
                    guard,
                    run,
                    logs,
                })
            })
    }

    /// `SQUALL_RUN=...`, which every process of this run carries in its environment.
    #[must_use]
    pub fn marker(&self) -> String {
        self.net().marker()
    }

    #[must_use]
    pub fn guard_pid(&self) -> i32 {
        self.guard.pid()
    }

    /// Where a replica's output goes.
    #[must_use]
    pub fn log_path(&self, id: &ReplicaId) -> PathBuf {
        self.logs.join(format!("{}-{}.log", id.service, id.replica))
    }

    /// Makes a replica known without starting it. Declaring it again changes what its next start does.
    pub fn declare(&self, mut spec: ReplicaSpec) {
        let marker = (MARKER_VARIABLE.to_owned(), self.run.clone());
        let replica = (REPLICA_VARIABLE.to_owned(), spec.id.to_string());
        spec.launch.environment.extend([marker, replica]);
        let mut state = self.shared.lock();
        match state.replicas.get_mut(&spec.id) {
            Some(known) => known.spec = spec,
            None => {
                let replica = Replica {
                    status: Status::New,
                    token: None,
                    refused: None,
                    ending: false,
                    log_from: 0,
                    last_pid: None,
                    spec,
                };
                state.replicas.insert(replica.spec.id.clone(), replica);
            }
        }
    }

    /// How the next start of a replica goes.
    ///
    /// # Errors
    /// When it is unknown.
    pub fn spec(&self, id: &ReplicaId) -> Result<ReplicaSpec, SupervisionError> {
        Ok(known(&mut self.shared.lock(), id)?.spec.clone())
    }

    /// Starts a declared replica and returns its pid, without waiting for it to be ready.
    ///
    /// # Errors
    /// When it is unknown, runs already, or cannot be executed.
    pub fn spawn(&self, id: &ReplicaId) -> Result<i32, SupervisionError> {
        let order = self.prepare_start(id)?;
        self.order(&order)?;
        let deadline = Instant::now() + ANSWER_WITHIN;
        let answer = self.shared.wait(deadline, |state| {
            let gone = state.guard_gone;
            let replica = state.replicas.get_mut(id)?;
            match (replica.refused.take(), replica.last_pid) {
                (Some(reason), _) => Some(Err(SupervisionError::NotStarted {
                    replica: id.clone(),
                    reason,
                })),
                (None, Some(pid)) => Some(Ok(pid)),
                (None, None) if gone => Some(Err(SupervisionError::GuardLost)),
                (None, None) => None,
            }
        });
        answer.unwrap_or(Err(SupervisionError::GuardLost))
    }

    fn prepare_start(&self, id: &ReplicaId) -> Result<Order, SupervisionError> {
        let mut state = self.shared.lock();
        if state.tearing_down {
            return Err(SupervisionError::TearingDown);
        }
        let token = state.next_token;
        let replica = known(&mut state, id)?;
        if !matches!(replica.status, Status::New | Status::Gone { .. }) {
            return Err(SupervisionError::AlreadyRunning(id.clone()));
        }
        replica.status = Status::New;
        replica.token = Some(token);
        replica.refused = None;
        replica.last_pid = None;
        replica.ending = false;
        replica.log_from = log::length(&replica.spec.launch.log);
        let launch = replica.spec.launch.clone();
        state.next_token += 1;
        state.by_token.insert(token, id.clone());
        Ok(Order::Start { token, launch })
    }

    /// Something else is wrong on purpose: until the hindrance is dropped nobody's time to become ready counts.
    #[must_use]
    pub fn hindered(&self) -> Hindrance {
        Hindrance::new(&self.shared)
    }

    /// Waits until a started replica is ready. Its `ready_within` counts from this call, or from the end of what hindered it.
    ///
    /// # Errors
    /// When it ends or the time is over first, with the last lines of its log.
    pub fn await_ready(&self, id: &ReplicaId) -> Result<Duration, SupervisionError> {
        let (spec, log_from) = {
            let mut state = self.shared.lock();
            let replica = known(&mut state, id)?;
            (replica.spec.clone(), replica.log_from)
        };
        let (begun, log_path) = (Instant::now(), &spec.launch.log);
        let mut pause = Duration::from_millis(2);
        loop {
            // Read before the attempt: whoever holds the port of a dead replica does not make it ready.
            let pid = match self.status(id)? {
                Status::Ending { exit } | Status::Gone { exit } => {
                    return Err(ended_early(id, exit, log_path, log_from));
                }
                status => status.pid().unwrap_or(0),
            };
            let seen = spec.readiness.try_once(log_path, log_from);
            let now = Instant::now();
            let unhindered = self.shared.lock().hindrances.unhindered(begun, now);
            match seen {
                Ok(()) if self.status(id)?.pid() == Some(pid) => {
                    let after = now.saturating_duration_since(begun);
                    let event = ServiceEvent::Ready { pid, after };
                    self.shared.observer.service(id, event);
                    return Ok(after);
                }
                Err(why) if unhindered >= spec.ready_within => {
                    return Err(not_ready(&spec, why, log_from));
                }
                Ok(()) | Err(_) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_millis(25));
        }
    }

    /// Starts a replica and waits until it is ready.
    ///
    /// # Errors
    /// As [`Self::spawn`] and [`Self::await_ready`].
    pub fn start_replica(&self, id: &ReplicaId) -> Result<Duration, SupervisionError> {
        self.spawn(id)?;
        self.await_ready(id)
    }

    /// Starts those of several that are not running, all at once, then waits until each is ready.
    ///
    /// # Errors
    /// The first that failed.
    pub fn start_all(&self, ids: &[ReplicaId]) -> Result<(), SupervisionError> {
        for id in ids {
            match self.spawn(id) {
                Ok(_) | Err(SupervisionError::AlreadyRunning(_)) => {}
                Err(error) => return Err(error),
            }
        }
        ids.iter().try_for_each(|id| self.await_ready(id).map(drop))
    }

    /// How it stands now.
    ///
    /// # Errors
    /// When it is unknown.
    pub fn status(&self, id: &ReplicaId) -> Result<Status, SupervisionError> {
        Ok(known(&mut self.shared.lock(), id)?.status)
    }

    /// All declared replicas and how they stand.
    #[must_use]
    pub fn statuses(&self) -> Vec<(ReplicaId, Status)> {
        let state = self.shared.lock();
        let pairs = state.replicas.iter();
        pairs
            .map(|(id, replica)| (id.clone(), replica.status))
            .collect()
    }

    /// Undeclares a replica that has ended: nothing aims at it or starts it any more.
    pub fn forget(&self, id: &ReplicaId) {
        let mut state = self.shared.lock();
        let ended = |replica: &Replica| matches!(replica.status, Status::New | Status::Gone { .. });
        if state.replicas.get(id).is_some_and(ended) {
            state.replicas.remove(id);
        }
    }

    /// The declared replicas of a service.
    #[must_use]
    pub fn replicas_of(&self, service: &str) -> Vec<ReplicaId> {
        let state = self.shared.lock();
        let ids = state.replicas.keys();
        ids.filter(|id| id.service == service).cloned().collect()
    }

    pub(super) fn order(&self, order: &Order) -> Result<(), SupervisionError> {
        self.guard
            .order(order)
            .map_err(|_| SupervisionError::GuardLost)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.lock().tearing_down = true;
    }
}

pub(super) fn known<'a>(
    state: &'a mut State,
    id: &ReplicaId,
) -> Result<&'a mut Replica, SupervisionError> {
    state
        .replicas
        .get_mut(id)
        .ok_or_else(|| SupervisionError::Unknown(id.clone()))
}

fn ended_early(id: &ReplicaId, exit: ExitSeen, log_path: &Path, from: u64) -> SupervisionError {
    SupervisionError::EndedEarly {
        replica: id.clone(),
        exit: exit.to_string(),
        log_path: log_path.display().to_string(),
        log_tail: log::tail(log_path, from),
    }
}

fn not_ready(spec: &ReplicaSpec, why: String, from: u64) -> SupervisionError {
    SupervisionError::NotReady {
        replica: spec.id.clone(),
        within: spec.ready_within,
        why,
        log_path: spec.launch.log.display().to_string(),
        log_tail: log::tail(&spec.launch.log, from),
    }
}

/// Nobody else's: pid, time and a counter. It names processes and is part of no plan or history.
fn unique_run() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{nanos}-{count}", std::process::id())
}
