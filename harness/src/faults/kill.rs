//! `kill`: a broker dies without notice; started again with its page cache when it heals.

use super::FaultError;
use super::broker_down::BrokerDown;
use crate::environment::Environment;
use std::sync::Arc;

/// # Errors
/// When there is no such broker or it is dead already.
pub fn inject(env: Arc<dyn Environment>, broker: u32) -> Result<BrokerDown, FaultError> {
    let killed = env.bus().kill(broker);
    BrokerDown::after(killed, env, broker)
}
