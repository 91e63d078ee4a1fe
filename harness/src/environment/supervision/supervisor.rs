//! Starts, watches, signals and ends the replicas of services.

use super::error::SupervisionError;
use super::log;
use super::replica::{Observer, Replica, ReplicaId, ReplicaSpec, ServiceEvent, Status};
use super::state::{Shared, State};
use crate::environment::guard::{ExitSeen, GuardClient, Order, Signal};
use crate::environment::sweep::{MARKER_VARIABLE, Net, Swept};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The guard answers at once; this long means that the machine is on its knees.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// From SIGKILL until the kernel has let go of a process.
const KILL_WITHIN: Duration = Duration::from_secs(20);
const SWEEP_WITHIN: Duration = Duration::from_secs(40);

#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// Folder for `<service>-<replica>.log`; made when it is not there.
    pub logs: PathBuf,
    /// Binary that becomes the guard when called with `__guard`; `None`: this one.
    pub guard_program: Option<PathBuf>,
}

/// What a tear-down found.
#[derive(Clone, Debug)]
pub struct TornDown {
    /// Replicas that did not heed SIGTERM within their stop timeout.
    pub forced: Vec<ReplicaId>,
    /// Strays that the sweep ended, and what even it could not.
    pub swept: Swept,
}

/// Owns the guard and all service processes of a run. Shared by reference between phases, faults and taps.
pub struct Supervisor {
    shared: Arc<Shared>,
    guard: GuardClient,
    run: String,
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
        spec.launch.environment.extend([marker]);
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

    /// Waits until a started replica is ready. Its `ready_within` counts from this call.
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
            let after = begun.elapsed();
            match seen {
                Ok(()) if self.status(id)?.pid() == Some(pid) => {
                    let event = ServiceEvent::Ready { pid, after };
                    self.shared.observer.service(id, event);
                    return Ok(after);
                }
                Err(why) if after >= spec.ready_within => {
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

    /// SIGKILL to the whole group; returns once nothing of it is left, with how its leader ended. `None`: it was not
    /// running.
    ///
    /// # Errors
    /// When it is unknown, the guard is gone, or the kernel does not let go of it.
    pub fn kill(&self, id: &ReplicaId) -> Result<Option<ExitSeen>, SupervisionError> {
        if !self.signal(id, Signal::Kill)? && self.is_down(id)? {
            return Ok(None);
        }
        self.await_gone(id, KILL_WITHIN)?
            .map(Some)
            .ok_or_else(|| SupervisionError::Immortal {
                replica: id.clone(),
                after: KILL_WITHIN,
            })
    }

    /// SIGTERM, and SIGKILL to what is left after the stop timeout. `None`: it was not running.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub fn stop(&self, id: &ReplicaId) -> Result<Option<ExitSeen>, SupervisionError> {
        let timeout = known(&mut self.shared.lock(), id)?.spec.stop_timeout;
        if !self.signal(id, Signal::Terminate)? && self.is_down(id)? {
            return Ok(None);
        }
        match self.await_gone(id, timeout)? {
            Some(exit) => Ok(Some(exit)),
            None => self.kill(id),
        }
    }

    /// SIGSTOP to the whole group.
    ///
    /// # Errors
    /// When it is unknown or the guard is gone.
    pub fn pause(&self, id: &ReplicaId) -> Result<bool, SupervisionError> {
        self.signal(id, Signal::Pause)
    }

    /// SIGCONT to the whole group.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn resume(&self, id: &ReplicaId) -> Result<bool, SupervisionError> {
        self.signal(id, Signal::Resume)
    }

    /// Sends a signal to the whole group, and says whether there was a running leader to hear it.
    fn signal(&self, id: &ReplicaId, signal: Signal) -> Result<bool, SupervisionError> {
        let mut state = self.shared.lock();
        let replica = known(&mut state, id)?;
        let (Some(token), status) = (replica.token, replica.status) else {
            return Ok(false);
        };
        let Some(pid) = status.pid() else {
            drop(state);
            // Members of the group may outlive their leader.
            if matches!(status, Status::Ending { .. }) {
                self.order(&Order::Signal { token, signal })?;
            }
            return Ok(false);
        };
        replica.ending |= matches!(signal, Signal::Kill | Signal::Terminate);
        replica.status = match signal {
            Signal::Pause => Status::Paused { pid },
            Signal::Resume | Signal::Terminate => Status::Running { pid },
            Signal::Kill => status,
        };
        drop(state);
        let event = ServiceEvent::Signalled { pid, signal };
        self.shared.observer.service(id, event);
        self.order(&Order::Signal { token, signal })?;
        Ok(true)
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

    /// The declared replicas of a service.
    #[must_use]
    pub fn replicas_of(&self, service: &str) -> Vec<ReplicaId> {
        let state = self.shared.lock();
        let ids = state.replicas.keys();
        ids.filter(|id| id.service == service).cloned().collect()
    }

    fn is_down(&self, id: &ReplicaId) -> Result<bool, SupervisionError> {
        Ok(matches!(
            self.status(id)?,
            Status::New | Status::Gone { .. }
        ))
    }

    /// Waits until nothing is left of the group. `None`: time is over.
    fn await_gone(
        &self,
        id: &ReplicaId,
        within: Duration,
    ) -> Result<Option<ExitSeen>, SupervisionError> {
        let gone = self.shared.wait(Instant::now() + within, |state| {
            if state.guard_gone {
                return Some(Err(SupervisionError::GuardLost));
            }
            match state.replicas.get(id)?.status {
                Status::Gone { exit } => Some(Ok(exit)),
                _ => None,
            }
        });
        gone.transpose()
    }

    /// Stops every replica (all at once), then ends whatever strayed. After this nothing of the run is left, or
    /// `swept.left` names it. Safe to call twice.
    ///
    /// # Errors
    /// When the guard is gone; its work is done here then as well as can be.
    pub fn tear_down(&self) -> Result<TornDown, SupervisionError> {
        let running = self.terminate_all();
        let mut forced = Vec::new();
        let begun = Instant::now();
        for (id, stop_timeout) in running {
            let left = stop_timeout.saturating_sub(begun.elapsed());
            match self.await_gone(&id, left) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let _ = self.kill(&id);
                    forced.push(id);
                }
                Err(_) => break,
            }
        }
        let swept = self.sweep();
        self.close();
        swept.map(|swept| TornDown { forced, swept })
    }

    /// Ends everything at once, asking nobody. For a second Ctrl-C.
    #[must_use]
    pub fn end_now(&self) -> Swept {
        self.shared.lock().tearing_down = true;
        let swept = self.sweep().unwrap_or_default();
        self.close();
        swept
    }

    fn close(&self) {
        let closed = self.guard.close().is_ok();
        self.shared.lock().closed = closed;
    }

    fn terminate_all(&self) -> Vec<(ReplicaId, Duration)> {
        self.shared.lock().tearing_down = true;
        let mut running = Vec::new();
        for (id, status) in self.statuses() {
            if matches!(status, Status::New | Status::Gone { .. }) {
                continue;
            }
            let _ = self.signal(&id, Signal::Terminate);
            if let Ok(replica) = known(&mut self.shared.lock(), &id) {
                running.push((id, replica.spec.stop_timeout));
            }
        }
        running
    }

    fn sweep(&self) -> Result<Swept, SupervisionError> {
        self.shared.lock().swept = None;
        let asked = self.order(&Order::Sweep).is_ok();
        let told = asked
            .then(|| {
                self.shared.wait(Instant::now() + SWEEP_WITHIN, |state| {
                    (state.swept.is_some() || state.guard_gone).then(|| state.swept.take())
                })
            })
            .flatten()
            .flatten();
        // What the guard says is looked at with our own eyes; without a guard this is all there is.
        let own = self.net().end_all(KILL_WITHIN);
        match told {
            Some(mut swept) => {
                swept.ended.extend(own.ended);
                swept.left = own.left;
                Ok(swept)
            }
            None if self.shared.lock().closed => Ok(own),
            None => Err(SupervisionError::GuardLost),
        }
    }

    fn net(&self) -> Net {
        let state = self.shared.lock();
        let pids = state.replicas.values().filter_map(|r| r.status.pid());
        let groups: BTreeSet<i32> = pids.collect();
        Net {
            run: self.run.clone(),
            groups,
            root: None,
        }
    }

    fn order(&self, order: &Order) -> Result<(), SupervisionError> {
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

fn known<'a>(state: &'a mut State, id: &ReplicaId) -> Result<&'a mut Replica, SupervisionError> {
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
