//! Signals to replicas, and how a run's processes end.

use super::error::SupervisionError;
use super::replica::{ReplicaId, ServiceEvent, Status};
use super::supervisor::{Supervisor, known};
use crate::environment::guard::{ExitSeen, Order, Signal};
use crate::environment::sweep::{self, Net, Swept};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// From SIGKILL until the kernel has let go of a process.
const KILL_WITHIN: Duration = Duration::from_secs(20);
const SWEEP_WITHIN: Duration = Duration::from_secs(40);

/// A replica that was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    pub pid: i32,
    /// Of its leader.
    pub exit: ExitSeen,
}

/// What a tear-down found.
#[derive(Clone, Debug)]
pub struct TornDown {
    /// Replicas that did not heed SIGTERM within their stop timeout.
    pub forced: Vec<ReplicaId>,
    /// Strays that the sweep ended, and what even it could not.
    pub swept: Swept,
}

impl Supervisor {
    /// SIGKILL to the whole group of each, all at once, and to what strayed from it into a session of its own; returns once
    /// nothing of them is left. `None`: that one was not running.
    ///
    /// # Errors
    /// When one is unknown, the guard is gone, or the kernel does not let go of a process.
    pub fn kill(&self, ids: &[ReplicaId]) -> Result<Vec<Option<Ended>>, SupervisionError> {
        // An orphan without the marker shows whose it is only for as long as its parent lives.
        let mut nets: Vec<Net> = ids.iter().map(|id| self.net_of(id)).collect();
        let family: Vec<_> = nets.iter().flat_map(Net::living).collect();
        let sent = self.signal_all(ids, Signal::Kill)?;
        sweep::end(&family);
        for (id, net) in ids.iter().zip(&mut nets) {
            // Once the guard has reaped the group, its number may go to strangers.
            net.groups.clear();
            if !net.end_all(KILL_WITHIN).left.is_empty() {
                return Err(immortal(id));
            }
        }
        let await_end = |(id, sent): (&ReplicaId, bool)| match sent {
            true => self.await_killed(id).map(Some),
            false => Ok(None),
        };
        ids.iter().zip(sent).map(await_end).collect()
    }

    /// SIGTERM to the whole group of each, all at once, and SIGKILL to what is left of it after its stop timeout. `None`:
    /// that one was not running.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub fn stop(&self, ids: &[ReplicaId]) -> Result<Vec<Option<Ended>>, SupervisionError> {
        let sent = self.signal_all(ids, Signal::Terminate)?;
        let begun = Instant::now();
        let await_end = |(id, sent): (&ReplicaId, bool)| match sent {
            true => self.await_stopped(id, begun).map(|(ended, _)| Some(ended)),
            false => Ok(None),
        };
        ids.iter().zip(sent).map(await_end).collect()
    }

    /// SIGSTOP to the whole group. `false`: it was not running.
    ///
    /// # Errors
    /// When it is unknown or the guard is gone.
    pub fn pause(&self, id: &ReplicaId) -> Result<bool, SupervisionError> {
        self.signal(id, Signal::Pause)
    }

    /// SIGCONT to the whole group. `false`: it was not running.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn resume(&self, id: &ReplicaId) -> Result<bool, SupervisionError> {
        self.signal(id, Signal::Resume)
    }

    /// Stops every replica (all at once), then ends whatever strayed. After this nothing of the run is left, or
    /// `swept.left` names it. Nothing can be started any more. Safe to call twice.
    ///
    /// # Errors
    /// When the guard is gone; its work is done here then as well as can be.
    pub fn tear_down(&self) -> Result<TornDown, SupervisionError> {
        self.shared.lock().tearing_down = true;
        let up = |(_, status): &(ReplicaId, Status)| {
            !matches!(status, Status::New | Status::Gone { .. })
        };
        let ids: Vec<ReplicaId> = self
            .statuses()
            .into_iter()
            .filter(up)
            .map(|(id, _)| id)
            .collect();
        let mut forced = Vec::new();
        if self.signal_all(&ids, Signal::Terminate).is_ok() {
            let begun = Instant::now();
            for id in ids {
                if let Ok((_, true)) = self.await_stopped(&id, begun) {
                    forced.push(id);
                }
            }
        }
        let swept = self.sweep();
        self.close();
        swept.map(|swept| TornDown { forced, swept })
    }

    /// Ends everything at once, asking nobody. For a second Ctrl-C.
    pub fn end_now(&self) -> Swept {
        self.shared.lock().tearing_down = true;
        let swept = self.sweep().unwrap_or_default();
        self.close();
        swept
    }

    fn signal_all(&self, ids: &[ReplicaId], signal: Signal) -> Result<Vec<bool>, SupervisionError> {
        ids.iter().map(|id| self.signal(id, signal)).collect()
    }

    /// Sends a signal to the whole group, and says whether there was anything left of it to hear it.
    fn signal(&self, id: &ReplicaId, signal: Signal) -> Result<bool, SupervisionError> {
        let mut state = self.shared.lock();
        let replica = known(&mut state, id)?;
        let (Some(token), status) = (replica.token, replica.status) else {
            return Ok(false);
        };
        if matches!(status, Status::New | Status::Gone { .. }) {
            return Ok(false);
        }
        // Without a pid its leader has ended, and members of the group outlive it.
        if let Some(pid) = status.pid() {
            replica.ending |= matches!(signal, Signal::Kill | Signal::Terminate);
            replica.status = match signal {
                Signal::Pause => Status::Paused { pid },
                Signal::Resume | Signal::Terminate => Status::Running { pid },
                Signal::Kill => status,
            };
            let event = ServiceEvent::Signalled { pid, signal };
            self.shared.observer.service(id, event);
        }
        drop(state);
        self.order(&Order::Signal { token, signal })?;
        Ok(true)
    }

    fn await_killed(&self, id: &ReplicaId) -> Result<Ended, SupervisionError> {
        self.await_gone(id, KILL_WITHIN)?
            .ok_or_else(|| immortal(id))
    }

    /// Waits for the end that SIGTERM asked for at `begun`, and forces it after the stop timeout (`true`).
    fn await_stopped(
        &self,
        id: &ReplicaId,
        begun: Instant,
    ) -> Result<(Ended, bool), SupervisionError> {
        let timeout = known(&mut self.shared.lock(), id)?.spec.stop_timeout;
        if let Some(ended) = self.await_gone(id, timeout.saturating_sub(begun.elapsed()))? {
            return Ok((ended, false));
        }
        self.signal(id, Signal::Kill)?;
        Ok((self.await_killed(id)?, true))
    }

    /// Waits until nothing is left of the group. `None`: time is over.
    fn await_gone(
        &self,
        id: &ReplicaId,
        within: Duration,
    ) -> Result<Option<Ended>, SupervisionError> {
        let gone = self.shared.wait(Instant::now() + within, |state| {
            let replica = state.replicas.get(id)?;
            match replica.status {
                Status::Gone { exit } => Some(Ok(Ended {
                    pid: replica.last_pid.unwrap_or(-1),
                    exit,
                })),
                _ if state.guard_gone => Some(Err(SupervisionError::GuardLost)),
                _ => None,
            }
        });
        gone.transpose()
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

    fn close(&self) {
        let closed = self.guard.close().is_ok();
        self.shared.lock().closed = closed;
    }

    pub(super) fn net(&self) -> Net {
        let state = self.shared.lock();
        let pids = state.replicas.values().filter_map(|r| r.status.pid());
        let groups: BTreeSet<i32> = pids.collect();
        Net {
            run: self.run.clone(),
            replica: None,
            groups,
            root: None,
        }
    }

    /// What is of one replica only.
    fn net_of(&self, id: &ReplicaId) -> Net {
        let state = self.shared.lock();
        let status = state.replicas.get(id).map(|replica| replica.status);
        Net {
            run: self.run.clone(),
            replica: Some(id.to_string()),
            groups: status.and_then(Status::pid).into_iter().collect(),
            root: None,
        }
    }
}

fn immortal(id: &ReplicaId) -> SupervisionError {
    SupervisionError::Immortal {
        replica: id.clone(),
        after: KILL_WITHIN,
    }
}
