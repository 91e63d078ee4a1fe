//! A proxy: where it listens, where it leads, and the faults that are set on it.

use super::counters::Counters;
use super::error::ProxyError;
use crate::layer::LayerFactory;
use crate::toxic::{Direction, ToxicSpec};
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

const BACKLOG: i32 = 4096;

/// How a proxy is made.
#[derive(Clone)]
pub struct ProxyConfig {
    /// Unique in the engine.
    pub name: String,
    /// `host:port`; port 0 takes a free one, no host is loopback.
    pub listen: String,
    /// `host:port`; a name is looked up for every connection.
    pub upstream: String,
    pub enabled: bool,
    /// Understands the protocol; `None` passes bytes through.
    pub layer: Option<Arc<dyn LayerFactory>>,
}

impl ProxyConfig {
    /// An enabled proxy for plain TCP on a free port of loopback.
    #[must_use]
    pub fn new(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.into(),
            enabled: true,
            layer: None,
        }
    }
}

/// A proxy as it is now.
#[derive(Clone, PartialEq, Debug)]
pub struct ProxyInfo {
    pub name: String,
    /// With the real port once it has been enabled.
    pub listen: String,
    pub upstream: String,
    pub enabled: bool,
    /// Those of the upstream direction first, each in the order of their effect.
    pub toxics: Vec<ToxicSpec>,
}

/// What becomes of clients that connect.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Refusal {
    /// They are served.
    #[default]
    None,
    /// The port does not listen: the kernel refuses them, and nobody can count them.
    Refuse,
    /// They are accepted, counted, and reset.
    Reset,
}

/// Where clients come in.
pub enum Door {
    /// Disabled; the port is free for others.
    Closed,
    Open(TcpListener),
    /// Bound without listening, so that clients are refused and nobody else takes the port.
    Refusing(Socket),
}

pub struct Proxy {
    pub name: String,
    pub listen: String,
    pub address: SocketAddr,
    pub upstream: String,
    pub door: Door,
    pub refusal: Refusal,
    /// By [`Direction::index`].
    pub toxics: [Vec<ToxicSpec>; 2],
    pub stalled: [bool; 2],
    pub layer: Option<Arc<dyn LayerFactory>>,
    pub connections: BTreeSet<usize>,
    pub next_ordinal: u64,
    pub counters: Counters,
}

impl Proxy {
    pub fn new(config: ProxyConfig, address: SocketAddr) -> Self {
        Self {
            name: config.name,
            listen: config.listen,
            address,
            upstream: config.upstream,
            door: Door::Closed,
            refusal: Refusal::None,
            toxics: Default::default(),
            stalled: [false; 2],
            layer: config.layer,
            connections: BTreeSet::new(),
            next_ordinal: 0,
            counters: Counters::default(),
        }
    }

    pub fn is_enabled(&self) -> bool {
        !matches!(self.door, Door::Closed)
    }

    pub fn info(&self) -> ProxyInfo {
        ProxyInfo {
            name: self.name.clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            enabled: self.is_enabled(),
            toxics: self.toxics.concat(),
        }
    }

    pub fn toxic(&self, name: &str) -> Option<&ToxicSpec> {
        self.toxics.iter().flatten().find(|t| t.name == name)
    }

    pub fn toxic_mut(&mut self, name: &str) -> Option<&mut ToxicSpec> {
        self.toxics.iter_mut().flatten().find(|t| t.name == name)
    }

    pub fn stalled_in(&self, direction: Direction) -> bool {
        self.stalled[direction.index()]
    }
}

/// A bound socket that does not listen yet, and where it is bound.
pub fn bind(address: SocketAddr) -> Result<(Socket, SocketAddr), ProxyError> {
    let failed = |step: &'static str| {
        move |error: std::io::Error| ProxyError::listen(&address.to_string(), step, &error)
    };
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
    .map_err(failed("socket"))?;
    socket
        .set_reuse_address(true)
        .and_then(|()| socket.set_nonblocking(true))
        .map_err(failed("setsockopt"))?;
    socket.bind(&address.into()).map_err(failed("bind"))?;
    let bound = socket.local_addr().map_err(failed("getsockname"))?;
    Ok((socket, bound.as_socket().unwrap_or(address)))
}

/// Begins to listen.
pub fn listen(socket: Socket, address: SocketAddr) -> Result<TcpListener, ProxyError> {
    let failed = |error| ProxyError::listen(&address.to_string(), "bind", &error);
    socket.listen(BACKLOG).map_err(failed)?;
    Ok(TcpListener::from_std(socket.into()))
}
