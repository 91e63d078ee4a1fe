//! Asks a cluster for its brokers.

use super::address::{Address, Endpoint};
use super::api::METADATA;
use super::frame::{self, AnswerHead};
use super::reader::{Malformed, Reader};
use super::sasl::{Login, LoginError, Next};
use super::writer::Writer;
use crate::tls::advice;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Metadata 1: the first in which no topics can be asked for; every broker since 0.10 has it.
const VERSION: i16 = 1;
/// A cluster of thousands of brokers answers with less.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Why a cluster did not tell its brokers.
#[derive(Debug, Error)]
pub enum DiscoverError {
    #[error(
        "cannot connect to {address}: {error}; is the cluster up, and is this its listener's address?"
    )]
    Connect { address: Address, error: io::Error },
    #[error(
        "{address} gave no answer to a Metadata request: {error}; a listener with TLS wants kafka+tls:// (security.protocol=ssl), one with SASL tells only those who log in"
    )]
    Answer { address: Address, error: io::Error },
    #[error("no TLS with {address}: {error}; {advice}")]
    Tls {
        address: Address,
        error: io::Error,
        advice: &'static str,
    },
    #[error("{address}: {error}; are mechanism, user name and password those of this cluster?")]
    Login { address: Address, error: LoginError },
    #[error("{address} does not answer as Kafka does: {error}")]
    Malformed { address: Address, error: Malformed },
}

/// The brokers that the cluster at `address` names, asked through TLS and after a login where these are given.
///
/// # Errors
/// When nobody answers there as Kafka does. Waits at most 5 s for each of connecting, sending and the answer.
pub fn brokers(
    address: &Address,
    tls: Option<&Arc<ClientConfig>>,
    login: Option<&Arc<Login>>,
) -> Result<Vec<Endpoint>, DiscoverError> {
    let mut socket = connect(address).map_err(|error| {
        let address = address.clone();
        match error.kind() {
            // Somebody accepted and hung up, so quickly that it shows before the first byte.
            io::ErrorKind::ConnectionReset => DiscoverError::Answer { address, error },
            _ => DiscoverError::Connect { address, error },
        }
    })?;
    let answer = match tls {
        None => log_in_and_ask(&mut socket, address, login),
        Some(config) => {
            let mut session = shake_hands(&mut socket, config, &address.host);
            let session = session.as_mut().map_err(|error| DiscoverError::Tls {
                address: address.clone(),
                advice: advised(error),
                error: io::Error::new(error.kind(), error.to_string()),
            })?;
            log_in_and_ask(&mut Stream::new(session, &mut socket), address, login)
        }
    };
    read(&answer?).map_err(|error| DiscoverError::Malformed {
        address: address.clone(),
        error,
    })
}

fn connect(address: &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for resolved in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, TIMEOUT) {
            Ok(socket) => {
                socket.set_read_timeout(Some(TIMEOUT))?;
                socket.set_write_timeout(Some(TIMEOUT))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn shake_hands(
    socket: &mut TcpStream,
    config: &Arc<ClientConfig>,
    host: &str,
) -> io::Result<ClientConnection> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut session = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    while session.is_handshaking() {
        session.complete_io(socket)?;
    }
    Ok(session)
}

fn advised(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) => advice(error),
        None => "is it a listener with TLS?",
    }
}

fn log_in_and_ask(
    socket: &mut (impl Read + Write),
    address: &Address,
    login: Option<&Arc<Login>>,
) -> Result<Vec<u8>, DiscoverError> {
    let no_answer = |error| DiscoverError::Answer {
        address: address.clone(),
        error,
    };
    if let Some(login) = login {
        let (mut exchange, mut frame) = login.begin();
        loop {
            let answer = exchanged(socket, &frame).map_err(no_answer)?;
            let next = exchange.on_answer(&answer);
            match next.map_err(|error| DiscoverError::Login {
                address: address.clone(),
                error,
            })? {
                Next::Send(more) => frame = more,
                Next::Done => break,
            }
        }
    }
    ask(socket).map_err(no_answer)
}

fn ask(socket: &mut (impl Read + Write)) -> io::Result<Vec<u8>> {
    let mut w = Writer::frame();
    w.i16(METADATA);
    w.i16(VERSION);
    w.i32(0);
    w.string("squall-proxy");
    // No topics.
    w.array_length(0);
    let answer = exchanged(socket, &w.finish())?;
    match frame::answer(&answer, ANSWER_BYTES_MAX) {
        Ok(Some(head)) if head.correlation == 0 => Ok(answer),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Sends a request and takes the whole answer.
fn exchanged(socket: &mut (impl Read + Write), request: &[u8]) -> io::Result<Vec<u8>> {
    socket.write_all(request)?;
    let mut answer = vec![0; 8];
    socket.read_exact(&mut answer)?;
    let Ok(Some(AnswerHead { bytes, .. })) = frame::answer(&answer, ANSWER_BYTES_MAX) else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    answer.resize(bytes, 0);
    socket.read_exact(&mut answer[8..])?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Result<Vec<Endpoint>, Malformed> {
    let mut r = Reader::new(answer, false);
    // Length, correlation id.
    r.skip(4 + 4)?;
    let mut brokers = Vec::new();
    r.array(|r| {
        let (node, host, port) = (r.i32()?, r.string()?, r.i32()?);
        r.nullable_string()?;
        let port = u16::try_from(port).map_err(|_| Malformed::BadLength)?;
        let address = Address::new(host, port);
        brokers.push(Endpoint { node, address });
        Ok(())
    })?;
    Ok(brokers)
}
