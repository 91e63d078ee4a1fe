//! `pause`: SIGSTOP to the processes of a service, SIGCONT when it heals. Its connections stay open.

use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::processes;
use crate::environment::supervision::ReplicaId;
use std::sync::Arc;

pub struct Pause {
    env: Arc<dyn Environment>,
    victims: Vec<ReplicaId>,
    pids: Vec<i32>,
    healed: bool,
}

/// # Errors
/// When the guard is lost.
pub fn inject(env: Arc<dyn Environment>, victims: &[ReplicaId]) -> Result<Pause, FaultError> {
    let mut pause = Pause {
        env,
        victims: Vec::new(),
        pids: Vec::new(),
        healed: false,
    };
    for id in victims {
        let pid = pause.env.supervisor().status(id)?.pid();
        if let Some(pid) = pid.filter(|_| pause.env.supervisor().pause(id).unwrap_or(false)) {
            pause.victims.push(id.clone());
            pause.pids.push(pid);
        }
    }
    Ok(pause)
}

impl Injection for Pause {
    /// The kernel says of all of them that they are stopped.
    fn bite(&self) -> Option<String> {
        let stopped = |pid: &i32| processes::read(*pid).is_some_and(|process| process.is_stopped());
        if self.pids.is_empty() || !self.pids.iter().all(stopped) {
            return None;
        }
        let texts: Vec<String> = self
            .victims
            .iter()
            .zip(&self.pids)
            .map(|(id, pid)| format!("{id} (pid {pid}) is stopped"))
            .collect();
        Some(texts.join(", "))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        let mut texts = Vec::new();
        for (id, pid) in self.victims.iter().zip(&self.pids) {
            texts.push(match self.env.supervisor().resume(id)? {
                true => format!("{id} (pid {pid}) goes on"),
                // It may have been ended meanwhile, by another fault or by itself.
                false => format!("{id} (pid {pid}) is gone"),
            });
        }
        Ok(texts.join(", "))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
