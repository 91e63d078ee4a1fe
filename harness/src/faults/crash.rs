//! `crash`: SIGKILL to the processes of a service; started again when it heals.

use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::guard::ExitSeen;
use crate::environment::supervision::{Ended, ReplicaId};
use std::sync::Arc;

pub struct Crash {
    env: Arc<dyn Environment>,
    victims: Vec<ReplicaId>,
    ended: Vec<Option<Ended>>,
    bite: Option<String>,
    healed: bool,
}

/// # Errors
/// When the guard is lost or a process does not die.
pub fn inject(env: Arc<dyn Environment>, victims: &[ReplicaId]) -> Result<Crash, FaultError> {
    let ended = env.supervisor().kill(victims)?;
    Ok(Crash {
        bite: bite(victims, &ended, |exit| exit == ExitSeen::KILLED),
        victims: victims.to_vec(),
        ended,
        healed: false,
        env,
    })
}

/// Says how each victim ended. Only when all were running and ended as they should did the fault bite.
pub(super) fn bite(
    victims: &[ReplicaId],
    ended: &[Option<Ended>],
    as_it_should: impl Fn(ExitSeen) -> bool,
) -> Option<String> {
    let mut texts = Vec::new();
    for (id, ended) in victims.iter().zip(ended) {
        let ended = ended.filter(|ended| as_it_should(ended.exit))?;
        texts.push(format!("{id} (pid {}) ended by {}", ended.pid, ended.exit));
    }
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Which process runs now in place of which.
pub(super) fn restarted(
    env: &dyn Environment,
    victims: &[ReplicaId],
    ended: &[Option<Ended>],
) -> Option<String> {
    let mut texts = Vec::new();
    for (id, ended) in victims.iter().zip(ended) {
        let before = ended.as_ref()?.pid;
        let now = env.supervisor().status(id).ok()?.pid()?;
        if now == before {
            return None;
        }
        texts.push(format!("{id} pid {before} -> {now}"));
    }
    Some(texts.join(", "))
}

impl Injection for Crash {
    fn bite(&self) -> Option<&str> {
        self.bite.as_deref()
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if !std::mem::replace(&mut self.healed, true) {
            self.env.supervisor().start_all(&self.victims)?;
        }
        Ok(self.restarted().unwrap_or_default())
    }

    fn restarted(&self) -> Option<String> {
        restarted(&*self.env, &self.victims, &self.ended)
    }
}

impl Drop for Crash {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
