//! `restart`: an orderly stop and an immediate start, of a service (SIGTERM) or of a broker.

use super::broker::{await_back, await_gone};
use super::crash::{bite, restarted};
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::supervision::{Ended, ReplicaId};
use std::sync::Arc;

pub struct ServiceRestart {
    env: Arc<dyn Environment>,
    victims: Vec<ReplicaId>,
    ended: Vec<Option<Ended>>,
    bite: Option<String>,
    healed: bool,
}

/// # Errors
/// When the guard is lost or a process does not die.
pub fn inject_services(
    env: Arc<dyn Environment>,
    victims: &[ReplicaId],
) -> Result<ServiceRestart, FaultError> {
    let ended = env.supervisor().stop(victims)?;
    Ok(ServiceRestart {
        // However it ends after SIGTERM: by the signal, with a code of its own, or by SIGKILL in the end.
        bite: bite(victims, &ended, |_| true),
        victims: victims.to_vec(),
        ended,
        healed: false,
        env,
    })
}

impl Injection for ServiceRestart {
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

impl Drop for ServiceRestart {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

pub struct BrokerRestart {
    env: Arc<dyn Environment>,
    broker: u32,
    bite: Option<String>,
    back: bool,
    healed: bool,
}

/// # Errors
/// When there is no such broker or it is dead already.
pub fn inject_broker(env: Arc<dyn Environment>, broker: u32) -> Result<BrokerRestart, FaultError> {
    let stopped = env.bus().stop_broker(broker);
    stopped.map_err(|why| FaultError::Broker { broker, why })?;
    Ok(BrokerRestart {
        bite: await_gone(&*env, broker),
        env,
        broker,
        back: false,
        healed: false,
    })
}

impl Injection for BrokerRestart {
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
        let text = await_back(&*self.env, broker)?;
        self.back = true;
        Ok(text)
    }

    fn restarted(&self) -> Option<String> {
        let gone_and_back = self.bite.is_some() && self.back;
        gone_and_back.then(|| format!("broker {} was gone and is back", self.broker))
    }
}

impl Drop for BrokerRestart {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
