//! `restart`: an orderly stop and an immediate start, of a service (SIGTERM) or of a broker. The schedule heals it at once.

use super::broker_down::BrokerDown;
use super::services_down::ServicesDown;
use super::{FaultError, stop};
use crate::environment::Environment;
use crate::environment::supervision::ReplicaId;
use std::sync::Arc;

/// # Errors
/// When the guard is lost or a process does not die.
pub fn inject_services(
    env: Arc<dyn Environment>,
    victims: &[ReplicaId],
) -> Result<ServicesDown, FaultError> {
    stop::inject(env, victims)
}

/// # Errors
/// When there is no such broker or it is dead already.
pub fn inject_broker(env: Arc<dyn Environment>, broker: u32) -> Result<BrokerDown, FaultError> {
    let stopped = env.bus().stop_broker(broker);
    BrokerDown::after(stopped, env, broker)
}
