//! The proxy for anyone's tests: what `squall serve proxy` runs.

use crate::api::{ApiServer, read_config};
use crate::engine::{Engine, ProxyError};
use crate::kafka::{Address, FrontConfig, FrontError, FrontTls, KafkaFront};
use crate::tls::{self, ClientSide, OnFailure, PemError, UpstreamSide};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use thiserror::Error;

/// Options of `squall serve proxy`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServeOptions {
    /// Where the HTTP API listens; port 0 takes a free one.
    pub api: SocketAddr,
    /// Proxies to begin with, in Toxiproxy's format.
    pub config: Option<PathBuf>,
    /// A Kafka cluster that is not ours: a listener for each of its brokers, and answers that name these.
    pub upstream: Option<Upstream>,
    pub seed: u64,
}

/// A Kafka cluster before which the proxy stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    pub bootstrap: Vec<Address>,
    /// TLS with the cluster.
    pub tls: Option<UpstreamSide>,
    /// TLS with its clients.
    pub client_tls: Option<ClientSide>,
}

/// Names the proxies before the cluster: `clients-1` leads to broker 1.
const PARTY: &str = "clients";

/// Why serving ended badly.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error("cannot read {}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {reason}; write a list as in [{{\"name\": \"db\", \"listen\": \"127.0.0.1:26379\", \"upstream\": \"127.0.0.1:6379\"}}]", path.display())]
    Config { path: PathBuf, reason: String },
    #[error("proxy {name}: {source}")]
    Proxy { name: String, source: ProxyError },
    #[error("cannot serve the API at {address}: {source}; choose another address by --api")]
    Api {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot stand before the cluster: {0}")]
    Front(#[from] FrontError),
    #[error("TLS: {0}")]
    Tls(#[from] PemError),
    #[error("cannot start the proxy: {0}")]
    Start(std::io::Error),
    #[error("cannot write to the output: {0}")]
    Output(std::io::Error),
}

/// Starts the proxy, prints the API's address once it is served (and `bootstrap.servers` for clients of an upstream in a second line), and runs until `stop` brings something or its sender is gone.
///
/// # Errors
/// When the proxy does not start, its configuration is of no use, or `out` cannot be written.
pub fn serve(
    options: &ServeOptions,
    out: &mut impl Write,
    stop: &Receiver<()>,
) -> Result<(), ServeError> {
    let engine = Engine::start(options.seed).map_err(ServeError::Start)?;
    populate(options, &engine)?;
    let upstream = options.upstream.as_ref();
    let front = upstream
        .map(|upstream| stand_before(upstream, &engine))
        .transpose()?;
    let address = options.api;
    let api =
        ApiServer::start(engine, address).map_err(|source| ServeError::Api { address, source })?;
    let mut lines = format!("{}\n", api.address());
    if let Some(front) = &front {
        lines += &format!("bootstrap.servers={}\n", front.bootstrap());
    }
    let said = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    said.map_err(ServeError::Output)?;
    // A message or a sender that is gone: both mean stop.
    let _ = stop.recv();
    Ok(())
}

fn stand_before(upstream: &Upstream, engine: &Engine) -> Result<KafkaFront, ServeError> {
    let tls = FrontTls {
        client: upstream.client_tls.as_ref().map(tls::accept).transpose()?,
        upstream: upstream.tls.as_ref().map(tls::connect).transpose()?,
        on_failure: OnFailure::new(|line| eprintln!("{line}")),
    };
    let config = FrontConfig {
        tls,
        ..FrontConfig::new(PARTY, upstream.bootstrap.clone())
    };
    let front = KafkaFront::open(engine, config)?;
    if front.proxies().is_empty() {
        eprintln!(
            "the cluster named no brokers: it tells only those who log in (SASL), or it wants TLS (kafka+tls://); each broker gets its listener when an answer to a client names it"
        );
    }
    Ok(front)
}

fn populate(options: &ServeOptions, engine: &Engine) -> Result<(), ServeError> {
    let Some(path) = options.config.clone() else {
        return Ok(());
    };
    let text = std::fs::read(&path).map_err(|source| ServeError::Read {
        path: path.clone(),
        source,
    })?;
    let configs = read_config(&text).map_err(|reason| ServeError::Config { path, reason })?;
    let names: Vec<_> = configs.iter().map(|config| config.name.clone()).collect();
    let (made, result) = engine.populate(configs);
    result.map_err(|source| ServeError::Proxy {
        name: names.get(made.len()).cloned().unwrap_or_default(),
        source,
    })
}
