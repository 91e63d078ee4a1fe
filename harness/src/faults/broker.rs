//! Eyes of its own for brokers: whether one takes connections.

use super::FaultError;
use crate::environment::Environment;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A broker dies and comes back in milliseconds; this long means that it did not.
const WITHIN: Duration = Duration::from_secs(10);

/// Waits until the broker's address refuses connections; says so. `None`: it went on taking them.
pub(super) fn await_gone(env: &dyn Environment, broker: u32) -> Option<String> {
    let address = env.bus().address(broker)?;
    let refused = until(|| match TcpStream::connect_timeout(&address, WITHIN) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
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
    match until(|| TcpStream::connect_timeout(&address, WITHIN).is_ok()) {
        true => Ok(format!("broker {broker} takes connections again")),
        false => Err(fail("was started again but takes no connections")),
    }
}

fn until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + WITHIN;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
