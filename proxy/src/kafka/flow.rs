//! What flowed: the proof that traffic passed the proxy.

use super::api::Api;
use super::reader::Malformed;
use crate::layer::Side;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Between whom: a listener of the proxy stands for one of these.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Link {
    /// Service, load generator, tap.
    pub party: String,
    /// Id of the broker; -1 while it is not known, as for a bootstrap address.
    pub broker: i32,
}

/// Keys above are counted together.
const KEYS: usize = 96;

/// Counters of one connection, for any thread.
#[derive(Debug)]
pub(super) struct Flow {
    bytes: [AtomicU64; 2],
    requests: [AtomicU64; KEYS],
    answers: [AtomicU64; KEYS],
    malformed: AtomicU64,
    malformed_last: Mutex<Option<Malformed>>,
    rewritten: AtomicU64,
}

fn slot(key: i16) -> usize {
    usize::try_from(key).map_or(KEYS - 1, |key| key.min(KEYS - 1))
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::default())
}

impl Flow {
    fn new() -> Self {
        Self {
            bytes: zeros(),
            requests: zeros(),
            answers: zeros(),
            malformed: AtomicU64::default(),
            malformed_last: Mutex::default(),
            rewritten: AtomicU64::default(),
        }
    }

    pub fn request(&self, key: i16) {
        self.requests[slot(key)].fetch_add(1, Relaxed);
    }

    pub fn answer(&self, key: i16) {
        self.answers[slot(key)].fetch_add(1, Relaxed);
    }

    pub fn bytes(&self, from: Side, count: usize) {
        self.bytes[from.index()].fetch_add(count as u64, Relaxed);
    }

    pub fn malformed(&self, why: Malformed) {
        self.malformed.fetch_add(1, Relaxed);
        *lock(&self.malformed_last) = Some(why);
    }

    pub fn rewritten(&self) {
        self.rewritten.fetch_add(1, Relaxed);
    }

    fn snapshot(&self) -> FlowSnapshot {
        FlowSnapshot {
            connections: 1,
            bytes_from_client: self.bytes[Side::Client.index()].load(Relaxed),
            bytes_from_upstream: self.bytes[Side::Upstream.index()].load(Relaxed),
            requests: named(&self.requests),
            answers: named(&self.answers),
            malformed: self.malformed.load(Relaxed),
            malformed_last: *lock(&self.malformed_last),
            rewritten: self.rewritten.load(Relaxed),
        }
    }
}

fn named(counters: &[AtomicU64; KEYS]) -> BTreeMap<&'static str, u64> {
    let mut named = BTreeMap::new();
    for (key, counter) in (0..).zip(counters) {
        let count = counter.load(Relaxed);
        if count > 0 {
            let name = Api::from_key(key).map_or("other", |api| api.name);
            *named.entry(name).or_default() += count;
        }
    }
    named
}

/// What flowed over one connection, or over all of a link.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FlowSnapshot {
    /// Connections that were accepted.
    pub connections: u64,
    pub bytes_from_client: u64,
    pub bytes_from_upstream: u64,
    /// Requests that came from clients, by the name of the API.
    pub requests: BTreeMap<&'static str, u64>,
    /// Answers that came from the broker, by the name of the API.
    pub answers: BTreeMap<&'static str, u64>,
    /// Connections that were closed because of bytes that are no Kafka frame, or of one that must be decoded and cannot.
    pub malformed: u64,
    /// Why the last of these was closed.
    pub malformed_last: Option<Malformed>,
    /// Answers in which an address was replaced or versions were clamped.
    pub rewritten: u64,
}

impl FlowSnapshot {
    /// Requests and answers.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.requests.values().sum::<u64>() + self.answers.values().sum::<u64>()
    }

    /// Adds another one's counters to these.
    pub fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.bytes_from_client += other.bytes_from_client;
        self.bytes_from_upstream += other.bytes_from_upstream;
        self.malformed += other.malformed;
        self.malformed_last = other.malformed_last.or(self.malformed_last);
        self.rewritten += other.rewritten;
        for (name, count) in &other.requests {
            *self.requests.entry(name).or_default() += count;
        }
        for (name, count) in &other.answers {
            *self.answers.entry(name).or_default() += count;
        }
    }
}

/// Flow of every link that had a connection, shared by all connections.
#[derive(Clone, Default, Debug)]
pub struct FlowRegistry(Arc<Mutex<BTreeMap<Link, Connections>>>);

#[derive(Default, Debug)]
struct Connections {
    closed: FlowSnapshot,
    /// By ordinal.
    open: BTreeMap<u64, Arc<Flow>>,
}

impl Connections {
    fn total(&self) -> FlowSnapshot {
        let mut total = self.closed.clone();
        for flow in self.open.values() {
            total.add(&flow.snapshot());
        }
        total
    }
}

impl FlowRegistry {
    pub(super) fn open(&self, link: &Link, ordinal: u64) -> Arc<Flow> {
        let flow = Arc::new(Flow::new());
        let mut links = self.lock();
        let connections = links.entry(link.clone()).or_default();
        if let Some(before) = connections.open.insert(ordinal, flow.clone()) {
            connections.closed.add(&before.snapshot());
        }
        flow
    }

    pub(super) fn close(&self, link: &Link, ordinal: u64) {
        let mut links = self.lock();
        let Some(connections) = links.get_mut(link) else {
            return;
        };
        if let Some(flow) = connections.open.remove(&ordinal) {
            connections.closed.add(&flow.snapshot());
        }
    }

    /// Totals of every link.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<Link, FlowSnapshot> {
        let links = self.lock();
        let totals = links.iter().map(|(link, c)| (link.clone(), c.total()));
        totals.collect()
    }

    /// The open connections of a link, by ordinal.
    #[must_use]
    pub fn connections(&self, link: &Link) -> BTreeMap<u64, FlowSnapshot> {
        let links = self.lock();
        let open = links.get(link).map(|connections| &connections.open);
        let flows = open.into_iter().flatten();
        flows.map(|(o, flow)| (*o, flow.snapshot())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Link, Connections>> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
