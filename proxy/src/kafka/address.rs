//! Which address clients are told instead of a broker's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Where something listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A broker as its cluster tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Endpoint {
    pub node: i32,
    pub address: Address,
}

/// Called on the engine's thread; hands over to another one and returns.
type Listener = Box<dyn Fn(&Endpoint) + Send + Sync>;

#[derive(Default)]
struct Shared {
    version: AtomicU64,
    state: RwLock<State>,
    listener: RwLock<Option<Listener>>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<i32, Known>,
    unknown: BTreeSet<Endpoint>,
}

struct Known {
    upstream: Address,
    advertised: Address,
}

/// Advertised addresses of brokers as one party sees them, shared by the party's connections.
///
/// An answer that names a broker which is not in it waits until it is: told its own address, the client would go past the proxy.
/// The same holds for a broker that is at another address than the one that is known.
#[derive(Clone, Default)]
pub struct AddressMap(Arc<Shared>);

impl AddressMap {
    /// From now on `broker` is told to be at `advertised`.
    pub fn insert(&self, broker: Endpoint, advertised: Address) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        state.unknown.retain(|unknown| unknown.node != broker.node);
        let upstream = broker.address;
        let known = Known {
            upstream,
            advertised,
        };
        state.known.insert(broker.node, known);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// `listener` is told of every broker that answers name and the map does not know, also of those that wait already.
    pub fn on_unknown(&self, listener: impl Fn(&Endpoint) + Send + Sync + 'static) {
        let slot = self.0.listener.write();
        let mut slot = slot.unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that none is missed in between.
        for endpoint in self.unknown() {
            listener(&endpoint);
        }
        *slot = Some(Box::new(listener));
    }

    /// Brokers that answers have named and the map does not know.
    #[must_use]
    pub fn unknown(&self) -> Vec<Endpoint> {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        state.unknown.iter().cloned().collect()
    }

    /// Where clients are told that the broker is.
    #[must_use]
    pub fn advertised(&self, node: i32) -> Option<Address> {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        state.known.get(&node).map(|known| known.advertised.clone())
    }

    /// Every broker and where clients are told that it is.
    #[must_use]
    pub fn all(&self) -> Vec<(i32, Address)> {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.iter();
        known
            .map(|(node, k)| (*node, k.advertised.clone()))
            .collect()
    }

    pub(super) fn lookup(&self, node: i32, host: &str, port: i32) -> Option<Address> {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.get(&node)?;
        let same = known.upstream.host == host && i32::from(known.upstream.port) == port;
        same.then(|| known.advertised.clone())
    }

    pub(super) fn report(&self, endpoints: Vec<Endpoint>) {
        for endpoint in endpoints {
            let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
            let is_new = state.unknown.insert(endpoint.clone());
            drop(state);
            let listener = self.0.listener.read();
            let listener = listener.unwrap_or_else(PoisonError::into_inner);
            if let (true, Some(listener)) = (is_new, listener.as_ref()) {
                listener(&endpoint);
            }
        }
    }

    /// Grows with every change.
    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        let known = state
            .known
            .iter()
            .map(|(node, known)| (node, &known.advertised));
        f.debug_map().entries(known).finish()
    }
}
