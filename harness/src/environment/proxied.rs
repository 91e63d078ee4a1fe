//! Connections between parties and brokers, and between parties and the sinks that Squall serves, each through a proxy of its own, so that faults can tell them apart.
//!
//! Every party gets an address for every broker. Clients go where a broker's answers send them, so those answers are rewritten:
//! told a broker's own address, a client would go past the proxy, and every fault on it would be none.

pub mod act;
mod network;

pub use network::ProxiedNetwork;

use super::network::{End, Touched, Treated};
use act::{OnProxy, on_proxy};
use squall_plan::fault::Treatment;
use squall_proxy::engine::{Counters, Engine, ProxyConfig, ProxyError, Refusal};
use squall_proxy::kafka::{
    Access, Address, AddressMap, Endpoint, FlowRegistry, KafkaSettings, Link, SharedRules,
};
use squall_proxy::toxic::{Direction, ToxicSpec};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The proxies of a run.
pub struct Proxied {
    engine: Engine,
    /// Where they call themselves at home.
    brokers: Vec<Endpoint>,
    access: Access,
    sinks: BTreeMap<String, SocketAddr>,
    flows: FlowRegistry,
    state: Mutex<State>,
}

/// What a proxy leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Far {
    Broker(i32),
    Sink(String),
}

#[derive(Default)]
struct State {
    /// Addresses by which a party reaches the brokers.
    parties: BTreeMap<End, String>,
    /// Addresses by which a party reaches a sink.
    ways_to_sinks: BTreeMap<(End, String), String>,
    /// How many treatments stall a direction of a proxy.
    stalls: BTreeMap<(String, &'static str), u32>,
    /// How many faults close a proxy.
    closed: BTreeMap<String, u32>,
    /// Toxics and rules have names of their own.
    treatments: u64,
    /// Rules on Kafka's frames, by proxy.
    rules: BTreeMap<String, SharedRules>,
}

impl Proxied {
    /// Before brokers of ours, numbered from 1.
    ///
    /// # Errors
    /// Text for users: the system gives no event loop.
    pub fn start(
        brokers: Vec<SocketAddr>,
        sinks: BTreeMap<String, SocketAddr>,
        seed: u64,
    ) -> Result<Self, String> {
        let brokers = (1..).zip(&brokers);
        let brokers = brokers.map(|(node, at)| Endpoint {
            node,
            address: address(at),
        });
        Self::before(brokers.collect(), Access::default(), sinks, seed)
    }

    /// Before brokers that let nobody in but by `access`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn before(
        brokers: Vec<Endpoint>,
        access: Access,
        sinks: BTreeMap<String, SocketAddr>,
        seed: u64,
    ) -> Result<Self, String> {
        let engine = Engine::start(seed);
        Ok(Self {
            engine: engine.map_err(|error| format!("the fault proxy cannot start: {error}"))?,
            brokers,
            access,
            sinks,
            flows: FlowRegistry::default(),
            state: Mutex::default(),
        })
    }

    /// Addresses of all brokers for a party; its proxies come into being with the first call.
    ///
    /// # Errors
    /// Text for users: no port can be had.
    pub fn bootstrap(&self, party: &End) -> Result<String, String> {
        let mut state = self.lock();
        if let Some(known) = state.parties.get(party) {
            return Ok(known.clone());
        }
        let map = AddressMap::default();
        let mut addresses = Vec::new();
        for broker in &self.brokers {
            let mut settings = KafkaSettings::new(Link {
                party: party.to_string(),
                broker: broker.node,
            });
            settings.addresses = Some(map.clone());
            settings.flows = self.flows.clone();
            let name = name(party, &Far::Broker(broker.node));
            state.rules.insert(name.clone(), settings.rules.clone());
            let host = &broker.address.host;
            let layer = self.access.around(Arc::new(settings), host);
            let layer = layer.map_err(|_| format!("no certificate can be for `{host}`"))?;
            let mut config = ProxyConfig::new(name, broker.address.to_string());
            config.layer = Some(layer);
            let made = self.engine.create(config).map_err(text)?;
            let listen: SocketAddr = made.listen.parse().map_err(|_| made.listen.clone())?;
            map.insert(broker.clone(), address(&listen));
            addresses.push(listen.to_string());
        }
        let bootstrap = addresses.join(",");
        state.parties.insert(party.clone(), bootstrap.clone());
        Ok(bootstrap)
    }

    /// Address of a sink for a party; its proxy comes into being with the first call. `None`: there is no such sink.
    ///
    /// # Errors
    /// Text for users: no port can be had.
    pub fn sink_address(&self, party: &End, sink: &str) -> Result<Option<String>, String> {
        let Some(upstream) = self.sinks.get(sink) else {
            return Ok(None);
        };
        let mut state = self.lock();
        let way = (party.clone(), sink.to_owned());
        if let Some(known) = state.ways_to_sinks.get(&way) {
            return Ok(Some(known.clone()));
        }
        let name = name(party, &Far::Sink(sink.to_owned()));
        let made = self
            .engine
            .create(ProxyConfig::new(name, upstream.to_string()));
        let address = made.map_err(text)?.listen;
        state.ways_to_sinks.insert(way, address.clone());
        Ok(Some(address))
    }

    /// What flows from one end to the other, of which one is a broker or a sink and the other is neither.
    ///
    /// # Errors
    /// Text for users: no port can be had, there is no such sink, or it cannot be treated so.
    pub fn treat(
        self: &Arc<Self>,
        (party, far, direction): (&End, &Far, Direction),
        treatment: &Treatment,
    ) -> Result<Box<dyn Treated>, String> {
        // A party that nobody has asked for yet has a way of its own from now on.
        match far {
            Far::Broker(_) => drop(self.bootstrap(party)?),
            Far::Sink(sink) => {
                let address = self.sink_address(party, sink)?;
                address.ok_or_else(|| format!("Squall does not serve sink {sink}"))?;
            }
        }
        let proxy = name(party, far);
        let before = self.counters(&proxy)?;
        let how = match on_proxy(treatment, far, direction)? {
            OnProxy::Stall => {
                self.stall(&proxy, direction)?;
                How::Stall(direction)
            }
            OnProxy::Toxic(kind) => {
                let mut toxic = ToxicSpec::new(kind, direction);
                toxic.name = self.next_name();
                self.engine.add_toxic(&proxy, toxic.clone()).map_err(text)?;
                How::Toxic(direction, toxic.name)
            }
            OnProxy::Rule(mut rule) => {
                rule.name = self.next_name();
                let name = rule.name.clone();
                let rules = self.rules(&proxy)?;
                let added = rules.update(|rules| rules.with(*rule));
                added.map_err(|error| format!("the fault proxy: {error}"))?;
                self.engine.poke(&proxy).map_err(text)?;
                How::Rule(name)
            }
        };
        Ok(Box::new(TreatedProxy {
            proxied: Arc::clone(self),
            proxy,
            how,
            before,
            lifted: None,
        }))
    }

    /// Cuts every party's connections to a broker or a sink, and refuses new ones.
    ///
    /// # Errors
    /// Text for users.
    pub fn close(self: &Arc<Self>, far: &Far) -> Result<Vec<Box<dyn Treated>>, String> {
        let state = self.lock();
        let (parties, refusal): (Vec<End>, Refusal) = match far {
            Far::Broker(_) => (state.parties.keys().cloned().collect(), Refusal::Refuse),
            Far::Sink(sink) => {
                let ways = state.ways_to_sinks.keys();
                let to_it = ways.filter(|(_, known)| known == sink);
                // Whoever mails connects for each mail: only who tries shows that it is down, and a reset is counted.
                (
                    to_it.map(|(party, _)| party.clone()).collect(),
                    Refusal::Reset,
                )
            }
        };
        drop(state);
        let mut closed: Vec<Box<dyn Treated>> = Vec::new();
        for party in parties {
            let proxy = name(&party, far);
            let before = self.counters(&proxy)?;
            let mut state = self.lock();
            *state.closed.entry(proxy.clone()).or_default() += 1;
            self.engine.refuse(&proxy, refusal).map_err(text)?;
            self.engine.cut(&proxy).map_err(text)?;
            drop(state);
            closed.push(Box::new(TreatedProxy {
                proxied: Arc::clone(self),
                proxy,
                how: How::Closed,
                before,
                lifted: None,
            }));
        }
        Ok(closed)
    }

    /// Bytes that have passed between a party and the brokers.
    pub fn passed_bytes(&self, party: &End) -> u64 {
        let brokers = self.brokers.iter();
        let counters = brokers
            .filter_map(|broker| self.counters(&name(party, &Far::Broker(broker.node))).ok());
        counters
            .map(|counters| counters.upstream.sent_bytes + counters.downstream.sent_bytes)
            .sum()
    }

    /// Connections that all parties have made to a sink.
    pub fn connections_to_sink(&self, sink: &str) -> u64 {
        let ways: Vec<(End, String)> = self.lock().ways_to_sinks.keys().cloned().collect();
        let to_it = ways.into_iter().filter(|(_, known)| known == sink);
        let counters = to_it.filter_map(|(party, sink)| {
            let proxy = name(&party, &Far::Sink(sink));
            self.counters(&proxy).ok()
        });
        counters.map(|counters| counters.connections).sum()
    }

    fn stall(&self, proxy: &str, direction: Direction) -> Result<(), String> {
        let mut state = self.lock();
        let count = state
            .stalls
            .entry((proxy.to_owned(), direction.name()))
            .or_default();
        *count += 1;
        self.engine.stall(proxy, direction, true).map_err(text)
    }

    fn let_go(&self, proxy: &str, direction: Direction) -> Result<(), String> {
        let mut state = self.lock();
        let count = state
            .stalls
            .entry((proxy.to_owned(), direction.name()))
            .or_default();
        *count = count.saturating_sub(1);
        match count {
            0 => self.engine.stall(proxy, direction, false).map_err(text),
            _ => Ok(()),
        }
    }

    fn open(&self, proxy: &str) -> Result<(), String> {
        let mut state = self.lock();
        let count = state.closed.entry(proxy.to_owned()).or_default();
        *count = count.saturating_sub(1);
        match count {
            0 => self.engine.refuse(proxy, Refusal::None).map_err(text),
            _ => Ok(()),
        }
    }

    fn next_name(&self) -> String {
        let mut state = self.lock();
        state.treatments += 1;
        format!("fault-{}", state.treatments)
    }

    fn rules(&self, proxy: &str) -> Result<SharedRules, String> {
        let known = self.lock().rules.get(proxy).cloned();
        known.ok_or_else(|| format!("{proxy} carries no requests of Kafka's"))
    }

    /// Frames that a rule has acted on.
    fn acted(&self, proxy: &str, rule: &str) -> u64 {
        let rules = self.rules(proxy);
        let evidence = rules.ok().and_then(|rules| rules.current().evidence(rule));
        evidence.map_or(0, |evidence| evidence.acted)
    }

    fn counters(&self, proxy: &str) -> Result<Counters, String> {
        self.engine.counters(proxy).map_err(text)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(at: &SocketAddr) -> Address {
    Address::new(&at.ip().to_string(), at.port())
}

fn name(party: &End, far: &Far) -> String {
    match far {
        Far::Broker(node) => format!("{party} > broker {node}"),
        Far::Sink(sink) => format!("{party} > sink {sink}"),
    }
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` hands it over.
fn text(error: ProxyError) -> String {
    format!("the fault proxy: {error}")
}

enum How {
    Stall(Direction),
    Toxic(Direction, String),
    Rule(String),
    Closed,
}

struct TreatedProxy {
    proxied: Arc<Proxied>,
    proxy: String,
    how: How,
    before: Counters,
    lifted: Option<Touched>,
}

impl Treated for TreatedProxy {
    fn touched(&self) -> Touched {
        if let Some(lifted) = self.lifted {
            return lifted;
        }
        let now = self.proxied.counters(&self.proxy).unwrap_or(self.before);
        let bytes = match self.how {
            How::Stall(direction) | How::Toxic(direction, _) => {
                let (now, before) = (now.direction(direction), self.before.direction(direction));
                let held = now.held_bytes - before.held_bytes;
                held + (now.dropped_bytes - before.dropped_bytes)
            }
            How::Rule(_) | How::Closed => 0,
        };
        let frames = match &self.how {
            How::Rule(rule) => self.proxied.acted(&self.proxy, rule),
            _ => 0,
        };
        let ended = |counters: &Counters| counters.resets + counters.closed_by_toxic;
        let connections = match self.how {
            How::Stall(_) | How::Rule(_) => 0,
            How::Toxic(..) => ended(&now) - ended(&self.before),
            How::Closed => {
                let refused = now.connections_refused - self.before.connections_refused;
                ended(&now) - ended(&self.before) + refused
            }
        };
        Touched {
            bytes,
            frames,
            connections,
            ..Touched::default()
        }
    }

    fn lift(&mut self) -> Result<(), String> {
        if self.lifted.is_some() {
            return Ok(());
        }
        self.lifted = Some(self.touched());
        match &self.how {
            How::Stall(direction) => self.proxied.let_go(&self.proxy, *direction),
            How::Toxic(_, toxic) => {
                let removed = self.proxied.engine.remove_toxic(&self.proxy, toxic);
                removed.map_err(text)
            }
            How::Rule(rule) => {
                let rules = self.proxied.rules(&self.proxy)?;
                let lifted = rules.update(|rules| Ok(rules.without(rule)));
                lifted.map_err(|error| format!("the fault proxy: {error}"))?;
                self.proxied.engine.poke(&self.proxy).map_err(text)
            }
            How::Closed => self.proxied.open(&self.proxy),
        }
    }
}

impl Drop for TreatedProxy {
    fn drop(&mut self) {
        let _ = self.lift();
    }
}
