//! One party's way to a cluster that is not ours: a listener for each broker, and answers that name only these.

use super::address::{Address, AddressMap, Endpoint};
use super::discover::{self, DiscoverError};
use super::flow::{FlowRegistry, Link};
use super::layer::KafkaSettings;
use super::rule::RuleError;
use super::rules::{Rules, SharedRules};
use crate::engine::{Engine, ProxyChange, ProxyConfig, ProxyError, ProxyInfo};
use crate::layer::LayerFactory;
use crate::tls::{OnFailure, PeerName, TlsFactory, TlsSides};
use rustls::{ClientConfig, ServerConfig};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use thiserror::Error;

/// The id of a broker that nobody has named yet.
const UNKNOWN_BROKER: i32 = -1;

/// TLS of a front, each side for itself: a plain client may be led to a cluster that wants TLS.
#[derive(Clone, Default, Debug)]
pub struct FrontTls {
    pub client: Option<Arc<ServerConfig>>,
    pub upstream: Option<Arc<ClientConfig>>,
    pub on_failure: OnFailure,
}

/// What a front is made of.
#[derive(Clone, Debug)]
pub struct FrontConfig {
    /// Names the proxies: `PARTY-NODE`.
    pub party: String,
    pub bootstrap: Vec<Address>,
    /// On which sides TLS is spoken.
    pub tls: FrontTls,
    /// Where listeners are opened, and what clients are told.
    pub listen_host: String,
    pub rules: SharedRules,
    pub flows: FlowRegistry,
}

impl FrontConfig {
    /// Listens on loopback, with rules and flow of its own.
    #[must_use]
    pub fn new(party: &str, bootstrap: Vec<Address>) -> Self {
        Self {
            party: party.to_owned(),
            bootstrap,
            tls: FrontTls::default(),
            listen_host: "127.0.0.1".to_owned(),
            rules: SharedRules::default(),
            flows: FlowRegistry::default(),
        }
    }
}

/// Why a front did not open.
#[derive(Debug, Error)]
pub enum FrontError {
    #[error("no bootstrap address was given: name one as `host:port`")]
    NoBootstrap,
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    #[error("cannot listen for broker {broker} of party {party}: {error}")]
    Listen {
        party: String,
        broker: i32,
        error: ProxyError,
    },
    #[error("broker {broker} calls itself {host}, which no certificate can be for")]
    Name { broker: i32, host: String },
}

enum Message {
    Named(Endpoint),
    Stop,
}

/// Listeners of one party, one for each broker that the cluster has or gets. Dropping it closes them.
///
/// TLS ends here on either side ([`FrontTls`]); SASL passes.
pub struct KafkaFront {
    shared: Arc<Shared>,
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Engine,
    config: FrontConfig,
    addresses: AddressMap,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Name and address of the proxy of each broker.
    brokers: BTreeMap<i32, (String, Address)>,
    /// Whom each broker's certificate must be for, where TLS is spoken with it.
    peers: BTreeMap<i32, PeerName>,
    /// Listeners before bootstrap addresses whose brokers nobody has named.
    bootstrap: Vec<(String, Address)>,
    failed: Vec<String>,
}

impl KafkaFront {
    /// Asks the cluster for its brokers and opens a listener for each. A cluster that tells its brokers only to clients that log in gets
    /// one for each bootstrap address, and more as answers to clients name brokers.
    ///
    /// # Errors
    /// When no bootstrap address can be connected to, or a port cannot be had.
    pub fn open(engine: &Engine, config: FrontConfig) -> Result<Self, FrontError> {
        let brokers = discover_any(&config)?;
        let (messages, named) = channel();
        let shared = Arc::new(Shared {
            engine: engine.clone(),
            addresses: AddressMap::default(),
            state: Mutex::default(),
            config,
        });
        let mut front = Self {
            shared: shared.clone(),
            messages: messages.clone(),
            thread: None,
        };
        match brokers {
            Some(brokers) => brokers.iter().try_for_each(|b| shared.open(b))?,
            None => shared.open_bootstrap()?,
        }
        shared.addresses.on_unknown(move |endpoint| {
            // A front that has been dropped opens nothing more.
            let _ = messages.send(Message::Named(endpoint.clone()));
        });
        front.thread = Some(std::thread::spawn(move || shared.run(&named)));
        Ok(front)
    }

    /// `host:port` of every listener, as the party's `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let state = self.shared.lock();
        let listeners = state.brokers.values().chain(&state.bootstrap);
        let addresses: Vec<_> = listeners.map(|(_, address)| address.to_string()).collect();
        addresses.join(",")
    }

    /// Names of the engine's proxies, by broker: for toxics, stalls, cuts and counters.
    #[must_use]
    pub fn proxies(&self) -> BTreeMap<i32, String> {
        let state = self.shared.lock();
        let brokers = state.brokers.iter();
        brokers
            .map(|(node, (name, _))| (*node, name.clone()))
            .collect()
    }

    /// What clients of the party are told.
    #[must_use]
    pub fn addresses(&self) -> &AddressMap {
        &self.shared.addresses
    }

    #[must_use]
    pub fn flows(&self) -> &FlowRegistry {
        &self.shared.config.flows
    }

    #[must_use]
    pub fn rules(&self) -> &SharedRules {
        &self.shared.config.rules
    }

    /// Changes the rules, and lets every connection of the party see it at once.
    ///
    /// # Errors
    /// What the change refuses; the rules stay as they were.
    pub fn update_rules(
        &self,
        change: impl FnOnce(&Rules) -> Result<Rules, RuleError>,
    ) -> Result<(), RuleError> {
        self.shared.config.rules.update(change)?;
        self.shared.poke();
        Ok(())
    }

    /// Brokers that were named and for which no listener could be opened, and why. Their clients' connections were reset.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.shared.lock().failed.clone()
    }
}

/// `None`: somebody is there and does not tell.
fn discover_any(config: &FrontConfig) -> Result<Option<Vec<Endpoint>>, FrontError> {
    let (mut first, mut silent) = (None, false);
    for address in &config.bootstrap {
        match discover::brokers(address, config.tls.upstream.as_ref(), None) {
            Ok(brokers) if !brokers.is_empty() => return Ok(Some(brokers)),
            Ok(_) | Err(DiscoverError::Answer { .. }) => silent = true,
            Err(error) => first = first.or(Some(error)),
        }
    }
    match first {
        _ if silent => Ok(None),
        Some(error) => Err(error.into()),
        None => Err(FrontError::NoBootstrap),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens listeners for brokers as answers name them.
    fn run(&self, named: &Receiver<Message>) {
        while let Ok(Message::Named(endpoint)) = named.recv() {
            if let Err(error) = self.open(&endpoint) {
                self.lock().failed.push(error.to_string());
            }
            self.poke();
        }
    }

    fn open(&self, broker: &Endpoint) -> Result<(), FrontError> {
        let known = self.lock().brokers.get(&broker.node).cloned();
        let advertised = match known {
            None => {
                let name = format!("{}-{}", self.config.party, broker.node);
                let address = self.listen(&name, broker.node, &broker.address)?;
                let mut state = self.lock();
                state.brokers.insert(broker.node, (name, address.clone()));
                address
            }
            Some((name, address)) => {
                let change = ProxyChange {
                    upstream: Some(broker.address.to_string()),
                    ..ProxyChange::default()
                };
                let peer = self.lock().peers.get(&broker.node).cloned();
                if let Some(peer) = peer {
                    let host = &broker.address.host;
                    peer.change(host).map_err(|_| no_name(broker.node, host))?;
                }
                let moved = self.engine.update(&name, change);
                moved.map_err(|error| self.error(broker.node, error))?;
                address
            }
        };
        self.addresses.insert(broker.clone(), advertised);
        Ok(())
    }

    fn open_bootstrap(&self) -> Result<(), FrontError> {
        for (number, upstream) in self.config.bootstrap.iter().enumerate() {
            let name = format!("{}-bootstrap-{number}", self.config.party);
            let address = self.listen(&name, UNKNOWN_BROKER, upstream)?;
            self.lock().bootstrap.push((name, address));
        }
        Ok(())
    }

    fn listen(&self, name: &str, broker: i32, upstream: &Address) -> Result<Address, FrontError> {
        let settings = KafkaSettings {
            rules: self.config.rules.clone(),
            addresses: Some(self.addresses.clone()),
            flows: self.config.flows.clone(),
            ..KafkaSettings::new(Link {
                party: self.config.party.clone(),
                broker,
            })
        };
        let layer = self.with_tls(Arc::new(settings), broker, &upstream.host)?;
        let config = ProxyConfig {
            listen: Address::new(&self.config.listen_host, 0).to_string(),
            layer: Some(layer),
            ..ProxyConfig::new(name, upstream.to_string())
        };
        let made = self.engine.create(config);
        let info = made.map_err(|error| self.error(broker, error))?;
        Ok(Address::new(&self.config.listen_host, port(&info)))
    }

    fn with_tls(
        &self,
        inner: Arc<dyn LayerFactory>,
        broker: i32,
        host: &str,
    ) -> Result<Arc<dyn LayerFactory>, FrontError> {
        let tls = &self.config.tls;
        let mut sides = TlsSides {
            client: tls.client.clone(),
            upstream: None,
        };
        if let Some(config) = &tls.upstream {
            let peer = PeerName::new(host).map_err(|_| no_name(broker, host))?;
            self.lock().peers.insert(broker, peer.clone());
            sides.upstream = Some((config.clone(), peer));
        }
        if sides.is_plain() {
            return Ok(inner);
        }
        Ok(Arc::new(TlsFactory {
            sides,
            inner,
            on_failure: tls.on_failure.clone(),
        }))
    }

    fn error(&self, broker: i32, error: ProxyError) -> FrontError {
        FrontError::Listen {
            party: self.config.party.clone(),
            broker,
            error,
        }
    }

    fn names(&self) -> Vec<String> {
        let state = self.lock();
        let listeners = state.brokers.values().chain(&state.bootstrap);
        listeners.map(|(name, _)| name.clone()).collect()
    }

    fn poke(&self) {
        for name in self.names() {
            // One that was removed meanwhile, or an engine that has ended, has no connections.
            let _ = self.engine.poke(&name);
        }
    }
}

fn no_name(broker: i32, host: &str) -> FrontError {
    FrontError::Name {
        broker,
        host: host.to_owned(),
    }
}

/// The port that the system gave.
fn port(info: &ProxyInfo) -> u16 {
    let port = info.listen.rsplit(':').next();
    port.and_then(|port| port.parse().ok()).unwrap_or(0)
}

impl Drop for KafkaFront {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for name in self.shared.names() {
            let _ = self.shared.engine.remove(&name);
        }
    }
}
