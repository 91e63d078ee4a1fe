//! `kill`: a broker dies without notice; started again with its page cache when it heals.

use super::broker::{await_back, await_gone};
use super::{FaultError, Injection};
use crate::environment::Environment;
use std::sync::Arc;

pub struct Kill {
    env: Arc<dyn Environment>,
    broker: u32,
    bite: Option<String>,
    healed: bool,
}

/// # Errors
/// When there is no such broker or it is dead already.
pub fn inject(env: Arc<dyn Environment>, broker: u32) -> Result<Kill, FaultError> {
    let killed = env.bus().kill(broker);
    killed.map_err(|why| FaultError::Broker { broker, why })?;
    Ok(Kill {
        bite: await_gone(&*env, broker),
        env,
        broker,
        healed: false,
    })
}

impl Injection for Kill {
    fn bite(&self) -> Option<&str> {
        self.bite.as_deref()
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        let broker = self.broker;
        let started = self.env.bus().start_broker(broker);
        started.map_err(|why| FaultError::Broker { broker, why })?;
        await_back(&*self.env, broker)
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
