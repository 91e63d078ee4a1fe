//! `pause` of a broker: its process stops in mid-step, and goes on when it heals. What shows it is a question that a client
//! asks meanwhile: the connection is made, and the answer comes only when the broker goes on.

use super::{FaultError, Injection};
use crate::environment::Environment;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A broker on this machine answers in a millisecond.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// After this long it has not gone on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// ApiVersions (KIP-35), version 0: length, key 18, version, correlation 1, no client id.
const QUESTION: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255];
/// Length and correlation.
const ANSWER_BYTES: usize = 8;

pub struct BrokerPause {
    env: Arc<dyn Environment>,
    broker: u32,
    /// Asked while it was paused, and not answered.
    asked: Option<TcpStream>,
    bite: Option<String>,
    healed: bool,
}

/// # Errors
/// When there is no such broker, it is down, or paused already.
pub fn inject(env: Arc<dyn Environment>, broker: u32) -> Result<BrokerPause, FaultError> {
    let paused = env.bus().pause(broker);
    paused.map_err(|why| FaultError::Broker { broker, why })?;
    let mut pause = BrokerPause {
        asked: None,
        bite: None,
        healed: false,
        broker,
        env,
    };
    let address = pause.env.bus().address(broker);
    if let Some(address) = address
        && let Ok(stream) = ask(address)
        && is_silent(&stream)
    {
        let text = format!("broker {broker} at {address} takes a connection and answers nothing");
        pause.bite = Some(text);
        pause.asked = Some(stream);
    }
    Ok(pause)
}

fn ask(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    stream.write_all(&QUESTION)?;
    Ok(stream)
}

fn answer(mut stream: &TcpStream, within: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(within))?;
    stream.read_exact(&mut [0; ANSWER_BYTES])
}

fn is_silent(stream: &TcpStream) -> bool {
    match answer(stream, SILENT_FOR) {
        Ok(()) => false,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

impl Injection for BrokerPause {
    fn bite(&self) -> Option<String> {
        self.bite.clone()
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(String::new());
        }
        let broker = self.broker;
        let failed = |why: String| FaultError::Broker { broker, why };
        self.env.bus().resume(broker).map_err(failed)?;
        if let Some(asked) = self.asked.take() {
            let answered = answer(&asked, ANSWERS_WITHIN);
            answered.map_err(|error| failed(format!("does not go on: {error}")))?;
        }
        Ok(format!(
            "broker {broker} answers what it was asked meanwhile"
        ))
    }
}

impl Drop for BrokerPause {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
