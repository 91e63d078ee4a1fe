//! A broker that was ended, and is started again when the fault heals. Whether it is there is seen from outside: whether
//! it takes connections.

use super::{FaultError, Injection};
use crate::environment::{Environment, until};
use squall_plan::fault::Ending;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A broker dies and comes back in milliseconds; this long means that it did not.
const WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);

pub struct BrokerDown {
    env: Arc<dyn Environment>,
    broker: u32,
    bite: Option<String>,
    back: bool,
    healed: bool,
}

/// # Errors
/// When there is no such broker or it is dead already.
pub fn end_broker(
    how: Ending,
    env: Arc<dyn Environment>,
    broker: u32,
) -> Result<BrokerDown, FaultError> {
    let ended = match how {
        Ending::Kill => env.bus().kill(broker),
        Ending::Stop => env.bus().stop_broker(broker),
        Ending::PowerLoss => env.bus().lose_power(broker),
    };
    ended.map_err(|why| FaultError::Broker { broker, why })?;
    Ok(BrokerDown {
        bite: await_gone(&*env, broker),
        env,
        broker,
        back: false,
        healed: false,
    })
}

impl Injection for BrokerDown {
    fn bite(&self) -> Option<String> {
        self.bite.clone()
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

impl Drop for BrokerDown {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}

/// Waits until the broker's address refuses connections; says so. `None`: it went on taking them.
pub(super) fn await_gone(env: &dyn Environment, broker: u32) -> Option<String> {
    let address = env.bus().address(broker)?;
    let refused = until(WITHIN, LOOK_EVERY, || {
        match TcpStream::connect_timeout(&address, WITHIN) {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
        }
    });
    refused.then(|| format!("broker {broker} at {address} refuses connections"))
}

/// Waits until the broker takes connections again.
pub(super) fn await_back(env: &dyn Environment, broker: u32) -> Result<String, FaultError> {
    let fail = |why: &str| FaultError::Broker {
        broker,
        why: why.to_owned(),
    };
    let address = env.bus().address(broker);
    let address = address.ok_or_else(|| fail("there is no such broker"))?;
    match until(WITHIN, LOOK_EVERY, || {
        TcpStream::connect_timeout(&address, WITHIN).is_ok()
    }) {
        true => Ok(format!("broker {broker} takes connections again")),
        false => Err(fail("was started again but takes no connections")),
    }
}
