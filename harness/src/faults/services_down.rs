//! Processes of a service that were ended, and are started again when the fault heals.

use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::guard::ExitSeen;
use crate::environment::supervision::{Ended, ReplicaId};
use squall_plan::fault::Ending;
use std::sync::Arc;

pub struct ServicesDown {
    env: Arc<dyn Environment>,
    victims: Vec<ReplicaId>,
    ended: Vec<Option<Ended>>,
    bite: Option<String>,
    healed: bool,
}

/// # Errors
/// When the guard is lost or a process does not die.
pub fn end_services(
    how: Ending,
    env: Arc<dyn Environment>,
    victims: &[ReplicaId],
) -> Result<ServicesDown, FaultError> {
    let killed: fn(ExitSeen) -> bool = |exit| exit == ExitSeen::KILLED;
    let (ended, as_it_should) = match how {
        // However it ends after SIGTERM: by the signal, with a code of its own, or by SIGKILL in the end.
        Ending::Stop => (
            env.supervisor().stop(victims)?,
            (|_| true) as fn(ExitSeen) -> bool,
        ),
        // To a process on this machine, power loss would be no more.
        Ending::Kill | Ending::PowerLoss => (env.supervisor().kill(victims)?, killed),
    };
    Ok(ServicesDown {
        // Only when all were running and ended as they should did the fault bite.
        bite: bite(victims, &ended, as_it_should),
        victims: victims.to_vec(),
        ended,
        healed: false,
        env,
    })
}

fn bite(
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

impl Injection for ServicesDown {
    fn bite(&self) -> Option<String> {
        self.bite.clone()
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if !std::mem::replace(&mut self.healed, true) {
            self.env.supervisor().start_all(&self.victims)?;
        }
        Ok(self.restarted().unwrap_or_default())
    }

    fn restarted(&self) -> Option<String> {
        let mut texts = Vec::new();
        for (id, ended) in self.victims.iter().zip(&self.ended) {
            let before = ended.as_ref()?.pid;
            let now = self.env.supervisor().status(id).ok()?.pid()?;
            if now == before {
                return None;
            }
            texts.push(format!("{id} pid {before} -> {now}"));
        }
        Some(texts.join(", "))
    }
}

impl Drop for ServicesDown {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
