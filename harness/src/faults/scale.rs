//! `scale`: another number of replicas of a service until it heals.

use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::placement::Version;
use crate::environment::processes;
use crate::environment::supervision::ReplicaId;
use squall_plan::fault::Terms;
use std::sync::Arc;

/// Replicas that were added, or taken away.
pub struct Scaled {
    env: Arc<dyn Environment>,
    service: String,
    to: usize,
    added: Vec<ReplicaId>,
    removed: Vec<ReplicaId>,
    healed: bool,
}

/// # Errors
/// When a replica does not start, become ready or end.
pub fn inject(
    env: Arc<dyn Environment>,
    declared: &[ReplicaId],
    terms: &Terms,
) -> Result<Scaled, FaultError> {
    let to = match terms {
        Terms::Scale { to } => usize::try_from(*to).unwrap_or(usize::MAX),
        _ => declared.len(),
    };
    let service = declared.first().map(|id| id.service.clone());
    let service = service.unwrap_or_default();
    let have = u32::try_from(declared.len()).unwrap_or(u32::MAX);
    let new = (have..).take(to.saturating_sub(declared.len()));
    // Made before anything is started, so that a failure on the way is taken back.
    let scaled = Scaled {
        added: new.map(|number| ReplicaId::new(&service, number)).collect(),
        removed: declared.iter().skip(to).cloned().collect(),
        service,
        to,
        healed: false,
        env,
    };
    for id in &scaled.added {
        scaled.env.prepare(id, &Version::default())?;
    }
    scaled.env.supervisor().start_all(&scaled.added)?;
    scaled.env.supervisor().stop(&scaled.removed)?;
    Ok(scaled)
}

impl Scaled {
    /// Processes of the service that the kernel says are alive.
    fn alive(&self) -> Vec<String> {
        let statuses = self.env.supervisor().statuses().into_iter();
        let own = statuses.filter(|(id, _)| id.service == self.service);
        let alive = own.filter_map(|(id, status)| {
            let pid = status.pid()?;
            let process = processes::read(pid)?;
            process.is_alive().then(|| format!("{id} (pid {pid})"))
        });
        alive.collect()
    }
}

impl Injection for Scaled {
    fn bite(&self) -> Option<String> {
        if self.healed {
            return None;
        }
        let alive = self.alive();
        let told = match alive.is_empty() {
            true => "none".to_owned(),
            false => alive.join(", "),
        };
        let changed = !self.added.is_empty() || !self.removed.is_empty();
        (changed && alive.len() == self.to).then(|| format!("{} runs as {told}", self.service))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        let supervisor = self.env.supervisor();
        supervisor.stop(&self.added)?;
        self.added.iter().for_each(|id| supervisor.forget(id));
        supervisor.start_all(&self.removed)?;
        Ok(format!(
            "{} runs as {}",
            self.service,
            self.alive().join(", ")
        ))
    }
}

impl Drop for Scaled {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
