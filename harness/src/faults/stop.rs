//! `stop`: SIGTERM to the processes of a service; started again when it heals.

use super::FaultError;
use super::services_down::ServicesDown;
use crate::environment::Environment;
use crate::environment::supervision::ReplicaId;
use std::sync::Arc;

/// # Errors
/// When the guard is lost or a process does not die.
pub fn inject(
    env: Arc<dyn Environment>,
    victims: &[ReplicaId],
) -> Result<ServicesDown, FaultError> {
    let ended = env.supervisor().stop(victims)?;
    // However it ends after SIGTERM: by the signal, with a code of its own, or by SIGKILL in the end.
    Ok(ServicesDown::new(env, victims, ended, |_| true))
}
