//! The thread that is the whole cluster.
//!
//! Brokers, controller, links, sockets and segment files belong to one thread. A cluster of a laptop's size moves bytes far more than it
//! computes, and the machines are a small part of that: handing requests from socket threads to machine threads and back would
//! cost more than it could win on two cores, and would need locks around what all replicas share. So the hot path is: epoll says readable,
//! the frame is read into the buffer that will be its batch's home, the machine steps, its answer leaves by `writev`.
//!
//! Everything that takes time besides (link latency, flushes, the machines' own timers) is a due time; a timer in epoll wakes the loop for
//! the earliest. There are a dozen links and a handful of machines, so the earliest is found by looking at all of them.

mod command;
mod connection;
mod disk;
mod internal;
mod node;
mod nodes;
mod output;
mod pause;
mod pending;
mod request;
mod snapshot;
mod sockets;
mod time;
mod timer;

pub use command::{Command, CommandError, Ending, LinkChange};
pub use disk::{Disk, DiskStats};
pub use nodes::{Properties, StartError};
pub use snapshot::{GroupPosition, PartitionSnapshot, Snapshot};
pub use time::Pass;

use super::config::ClusterConfig;
use super::fact::FactStreams;
use super::link::{Delivery, Link};
use super::names::Names;
use super::store::{Body, Store};
use command::Reply;
use connection::Connection;
use internal::{Internal, Readiness};
use mio::{Events, Poll, Token, Waker};
use node::Node;
use squall_model::Nanos;
use squall_model::kafka::{
    BrokerConfig, Defects, In, Name, NodeId, Offset, Outbox, Peer, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use time::Time;
use timer::Timer;

/// The controller's node id; brokers are 1, 2, ...
pub const CONTROLLER: NodeId = NodeId(0);

/// Kafka keeps committed offsets here.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

const WAKER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
/// Tokens below this are listeners (the broker's id); connections count up from here.
const FIRST_CONNECTION: u64 = 1 << 16;

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    pub requests: u64,
    /// Bytes of request frames.
    pub request_bytes: u64,
    /// Connections closed because of what they sent.
    pub malformed: u64,
    /// Record data that was refused: CRC, size, magic, ...
    pub refused_batches: u64,
    pub connections_accepted: u64,
    pub connections_open: u64,
    /// Bytes of record batches ever appended, and those of them in memory now.
    pub appended_bytes: u64,
    pub cached_bytes: u64,
}

/// A flush that a broker asked for, on its way to being durable.
struct Flush {
    at: Nanos,
    node: NodeId,
    token: u64,
}

/// The cluster, as its thread owns it.
pub struct Server {
    config: ClusterConfig,
    time: Time,
    poll: Poll,
    timer: Timer,
    /// The controller at index 0, broker `n` at index `n`.
    nodes: Vec<Node>,
    /// From node `f` to node `t` at index `f * nodes + t`.
    links: Vec<Link<Peer<Body>>>,
    /// By the time at which they are durable.
    flushes: VecDeque<Flush>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    /// Connections that may have something to read or write.
    active: Vec<u64>,
    store: Store,
    names: Names,
    addresses: BTreeMap<NodeId, (String, u16)>,
    limits: Limits,
    /// What every broker and the controller are started with.
    broker_config: BrokerConfig,
    /// The last commit of each group, for snapshots.
    committed: BTreeMap<(Name, TopicPartition), Offset>,
    /// Brokers that shut down in order, and who waits for that.
    leaving: Vec<(usize, Reply<()>)>,
    outbox: Outbox<Body>,
    /// Inputs that wait for the step in work to end.
    inputs: VecDeque<(usize, In<Body>)>,
    stepping: bool,
    facts: FactStreams,
    counters: Counters,
    commands: Receiver<Command>,
    /// Requests of the server itself, by the connection id that they pretend to come from.
    internal: BTreeMap<u64, (NodeId, Internal)>,
    readiness: Readiness,
    stopping: bool,
}

/// Bounds that broker properties set.
struct Limits {
    request_bytes_max: usize,
    batch_bytes_max: usize,
    /// Topics with a `max.message.bytes` of their own.
    topic_batch_bytes_max: BTreeMap<Name, usize>,
}

/// Defects come with the properties, as `squall.defects`, or beside them.
fn broker_config(config: &ClusterConfig, properties: &Properties) -> BrokerConfig {
    let mut made = properties.broker_config(config.brokers);
    if config.defects != Defects::default() {
        made.defects = config.defects;
    }
    made
}

impl Server {
    /// Binds the ports and starts every node. Also gives the waker that makes the loop look at its commands.
    pub fn new(
        config: ClusterConfig,
        properties: &Properties,
        commands: Receiver<Command>,
    ) -> Result<(Self, Arc<Waker>), StartError> {
        let poll = Poll::new().map_err(StartError::Loop)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(StartError::Loop)?;
        let timer = Timer::new(poll.registry(), TIMER).map_err(StartError::Loop)?;
        let folder = config.data_dir.join("data");
        let store = Store::new(&folder, config.cache_bytes_max)
            .map_err(|source| StartError::Folder { folder, source })?;
        let nodes = nodes::bind_all(&config)?;
        let links = nodes.len() * nodes.len();
        let mut server = Self {
            addresses: nodes[1..]
                .iter()
                .map(|n| (n.id, ("127.0.0.1".to_owned(), n.port)))
                .collect(),
            limits: Limits {
                request_bytes_max: properties.request_bytes_max,
                batch_bytes_max: properties.batch_bytes_max,
                topic_batch_bytes_max: BTreeMap::new(),
            },
            broker_config: broker_config(&config, properties),
            committed: BTreeMap::new(),
            leaving: Vec::new(),
            links: (0..links).map(|_| Link::new(config.links)).collect(),
            time: Time::new(config.clock),
            config,
            poll,
            timer,
            nodes,
            flushes: VecDeque::new(),
            connections: BTreeMap::new(),
            next_connection: FIRST_CONNECTION,
            active: Vec::new(),
            store,
            names: Names::default(),
            outbox: Outbox::default(),
            inputs: VecDeque::new(),
            stepping: false,
            facts: FactStreams::default(),
            counters: Counters::default(),
            commands,
            internal: BTreeMap::new(),
            readiness: Readiness::default(),
            stopping: false,
        };
        let offsets_topic = server.names.intern(OFFSETS_TOPIC);
        server.broker_config.offsets_topic = offsets_topic.unwrap_or(Names::EMPTY);
        server.start_all();
        Ok((server, Arc::new(waker)))
    }

    fn now(&self) -> Nanos {
        self.time.now()
    }

    /// Runs until a command stops it.
    pub fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.stopping {
            let due = self.earliest_due();
            let now = self.now();
            let idle = self.active.is_empty()
                && due.is_none_or(|due| due > now)
                && !self.is_time_to_move();
            if matches!(self.time, Time::Real(_)) {
                self.timer.set(now, due)?;
            }
            let wait = if idle { None } else { Some(Duration::ZERO) };
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => {}
                    TIMER => self.timer.fired(),
                    token => self.on_socket(token, event),
                }
            }
            self.obey();
            self.deliver_due();
            self.open_doors();
            self.work();
            self.end_shut_downs();
            if events.is_empty() {
                self.move_time();
            }
            if let Some(error) = self.store.failure() {
                return Err(error);
            }
        }
        Ok(())
    }

    fn earliest_due(&self) -> Option<Nanos> {
        let count = self.nodes.len();
        let awake = |index: usize| !self.nodes[index].is_paused();
        let links = self.links.iter().enumerate();
        let links = links.filter(|(index, _)| awake(index % count));
        let links = links.filter_map(|(_, link)| link.due());
        let nodes = self.nodes.iter().filter(|n| !n.is_paused());
        let nodes = nodes.filter_map(|n| n.timer);
        let mut flushes = self.flushes.iter();
        let flush = flushes.find(|f| awake(index_of(f.node))).map(|f| f.at);
        let probe = self.readiness.next_probe();
        links.chain(nodes).chain(flush).chain(probe).min()
    }

    /// Messages that arrived, flushes that are durable, timers that are due.
    fn deliver_due(&mut self) {
        let now = self.now();
        let count = self.nodes.len();
        for index in 0..self.links.len() {
            if self.nodes[index % count].is_paused() {
                continue;
            }
            while let Some(delivery) = self.links[index].pop(now) {
                let (from, to) = (self.nodes[index / count].id, index % count);
                let input = match delivery {
                    Delivery::Message(message) => In::Peer { from, message },
                    Delivery::Reset => In::PeerReset { peer: from },
                };
                self.step(to, input);
            }
        }
        while let Some(flush) = self.next_flush(now) {
            let token = flush.token;
            self.step(index_of(flush.node), In::Flushed { token });
        }
        for index in 0..count {
            let node = &self.nodes[index];
            if !node.is_paused() && node.timer.is_some_and(|at| at <= now) {
                self.step(index, In::Tick);
            }
        }
        self.probe(now);
    }

    fn begin_flush(&mut self, flush: Flush) {
        let place = self.flushes.partition_point(|f| f.at <= flush.at);
        self.flushes.insert(place, flush);
    }

    /// The first flush that is durable and whose broker can be told.
    fn next_flush(&mut self, now: Nanos) -> Option<Flush> {
        let mut due = self.flushes.iter().take_while(|f| f.at <= now);
        let awake = |f: &Flush| !self.nodes[index_of(f.node)].is_paused();
        let index = due.position(awake)?;
        self.flushes.remove(index)
    }
}

/// Place of a node in [`Server::nodes`].
fn index_of(node: NodeId) -> usize {
    usize::try_from(node.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_come_with_the_properties_or_beside_them() {
        let never_flush = Defects::parse("never_flush").unwrap_or_default();
        let given = BTreeMap::from([("squall.defects".to_owned(), "never_flush".to_owned())]);
        let (with, without) = (Properties::new(&given), Properties::new(&BTreeMap::new()));
        let (with, without) = (with.unwrap(), without.unwrap());
        let plain = ClusterConfig::new(3, "unused".into());
        let beside = ClusterConfig {
            defects: never_flush,
            ..plain.clone()
        };
        assert_eq!(broker_config(&plain, &with).defects, never_flush);
        assert_eq!(broker_config(&beside, &without).defects, never_flush);
        assert_eq!(broker_config(&plain, &without).defects, Defects::default());
    }
}
