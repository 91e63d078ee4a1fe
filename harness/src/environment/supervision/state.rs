//! What is known of all replicas, changed by what the guard tells, waited upon by everyone else.

use super::hindrance::Hindrances;
use super::replica::{Observer, Replica, ReplicaId, ServiceEvent, Status};
use crate::environment::guard::{Token, Told};
use crate::environment::sweep::Swept;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Default)]
pub(super) struct State {
    pub replicas: BTreeMap<ReplicaId, Replica>,
    pub by_token: BTreeMap<Token, ReplicaId>,
    pub next_token: Token,
    pub guard_gone: bool,
    pub tearing_down: bool,
    /// The guard was told to end, and did.
    pub closed: bool,
    pub swept: Option<Swept>,
    pub hindrances: Hindrances,
}

pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    pub observer: Arc<dyn Observer>,
}

impl Shared {
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            observer,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done` yields something, or until the deadline.
    pub fn wait<T>(
        &self,
        deadline: Instant,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(found) = done(&mut state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Takes in what the guard told; `None`: the guard is gone. The observer hears of it before any waiter does.
    pub fn take_in(&self, told: Option<Told>) {
        let mut state = self.lock();
        match told {
            Some(Told::Started { token, pid }) => {
                if let Some(id) = state.change(token, |replica| {
                    replica.status = Status::Running { pid };
                    replica.last_pid = Some(pid);
                }) {
                    self.observer.service(&id, ServiceEvent::Started { pid });
                }
            }
            Some(Told::Refused { token, reason }) => {
                state.change(token, |replica| replica.refused = Some(reason));
            }
            Some(Told::Exited { token, pid, exit }) => {
                let mut expected = state.tearing_down;
                if let Some(id) = state.change(token, |replica| {
                    replica.status = Status::Ending { exit };
                    expected |= replica.ending;
                }) {
                    let event = ServiceEvent::Exited {
                        pid,
                        exit,
                        expected,
                    };
                    self.observer.service(&id, event);
                }
            }
            Some(Told::Gone { token }) => {
                state.change(token, |replica| {
                    if let Status::Ending { exit } = replica.status {
                        replica.status = Status::Gone { exit };
                    }
                });
                state.by_token.remove(&token);
            }
            Some(Told::Swept(swept)) => state.swept = Some(swept),
            Some(Told::Ready) => {}
            None => {
                state.guard_gone = true;
                if !state.tearing_down {
                    self.observer.guard_lost();
                }
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// Changes the replica whose latest start has this token.
    fn change(&mut self, token: Token, change: impl FnOnce(&mut Replica)) -> Option<ReplicaId> {
        let id = self.by_token.get(&token)?.clone();
        change(self.replicas.get_mut(&id)?);
        Some(id)
    }
}
