//! `crash`: SIGKILL to the processes of a service; started again when it heals.

use super::FaultError;
use super::services_down::ServicesDown;
use crate::environment::Environment;
use crate::environment::guard::ExitSeen;
use crate::environment::supervision::ReplicaId;
use std::sync::Arc;

/// # Errors
/// When the guard is lost or a process does not die.
pub fn inject(
    env: Arc<dyn Environment>,
    victims: &[ReplicaId],
) -> Result<ServicesDown, FaultError> {
    let ended = env.supervisor().kill(victims)?;
    let killed = |exit| exit == ExitSeen::KILLED;
    Ok(ServicesDown::new(env, victims, ended, killed))
}
