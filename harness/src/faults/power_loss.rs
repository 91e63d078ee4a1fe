//! `power_loss`: a broker's machine loses power; what it had not flushed is gone when it starts again.

use super::FaultError;
use super::broker_down::BrokerDown;
use crate::environment::Environment;
use std::sync::Arc;

/// # Errors
/// When there is no such broker, it is dead already, or the bus cannot do that.
pub fn inject(env: Arc<dyn Environment>, broker: u32) -> Result<BrokerDown, FaultError> {
    let lost = env.bus().lose_power(broker);
    BrokerDown::after(lost, env, broker)
}
