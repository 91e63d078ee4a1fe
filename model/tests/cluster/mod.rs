//! A cluster in virtual time: broker and controller machines, links with latency, clients, and every way to lose a node.
//!
//! Strict on purpose: a machine that asks for a timer which is not in the future is a busy loop, and the driver panics.

#![allow(dead_code, clippy::unwrap_used)]

pub mod client;
pub mod life;
pub mod producer;
pub mod published;

use squall_model::kafka::*;
use std::collections::{BTreeMap, BTreeSet};

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;
pub const CONTROLLER: NodeId = NodeId(100);
pub const OFFSETS: Name = Name(1);
pub const TOPIC: Name = Name(7);

/// xorshift64*: a seed means the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From `low` up to, not with, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + (self.next() >> 11) % (high - low)
    }
}

/// How a broker's process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// SIGKILL: the page cache stays.
    Process,
    /// Only what was flushed stays.
    Power,
}

enum Event {
    Peer(NodeId, NodeId, u64, Box<Peer<u64>>),
    Reset(NodeId, NodeId),
    Tick(NodeId, u64),
    Flushed(NodeId, u64, u64),
    Request(NodeId, ConnId, Box<Request<u64>>),
}

enum Machine {
    Broker(Box<Broker<u64>>),
    Controller(Box<Controller<u64>>),
    Down(BrokerDisk<u64>, ControllerDisk),
}

struct Node {
    machine: Machine,
    start: u64,
    tick_at: Option<u64>,
    config: BrokerConfig,
}

#[derive(Default)]
struct Link {
    /// Messages of an older generation were in flight when the link broke.
    generation: u64,
    last_at: u64,
    cut: bool,
}

pub struct Cluster {
    pub now: u64,
    pub random: Random,
    pub facts: Vec<(u64, NodeId, Fact)>,
    pub steps: u64,
    /// Of a link in one direction, in nanoseconds, from and up to.
    pub latency: (u64, u64),
    pub flush_latency: u64,
    /// Committed records may be lost here, so that high watermarks may fall.
    pub may_lose: bool,
    pub published: published::Published,
    nodes: BTreeMap<NodeId, Node>,
    links: BTreeMap<(NodeId, NodeId), Link>,
    queue: BTreeMap<(u64, u64), Event>,
    order: u64,
    starts: u64,
    next_conn: u64,
    last_ask: u64,
    open: BTreeMap<ConnId, NodeId>,
    answers: BTreeMap<ConnId, Option<Response<u64>>>,
    marks: BTreeMap<(NodeId, u64, TopicPartition, Epoch), Offset>,
}

/// Kafka's defaults, hurried.
pub fn config() -> BrokerConfig {
    BrokerConfig {
        session_timeout_ms: 3_000,
        heartbeat_interval_ms: 500,
        replica_lag_time_max_ms: 2_000,
        replica_fetch_wait_max_ms: 200,
        high_watermark_checkpoint_interval_ms: 1_000,
        min_insync_replicas: 2,
        default_replication_factor: 3,
        offsets_topic_partitions: 2,
        offsets_topic: OFFSETS,
        ..BrokerConfig::default()
    }
}

pub fn partition(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: TOPIC,
        partition,
    }
}

impl Cluster {
    /// Brokers 1 to `brokers` and a controller, all just started.
    pub fn new(seed: u64, brokers: i32, config: &BrokerConfig) -> Self {
        let mut cluster = Self {
            now: SECOND,
            random: Random::new(seed),
            facts: Vec::new(),
            steps: 0,
            latency: (200_000, 2 * MS),
            flush_latency: 2 * MS,
            may_lose: false,
            published: published::Published::default(),
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            queue: BTreeMap::new(),
            order: 0,
            starts: 0,
            next_conn: 0,
            last_ask: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            marks: BTreeMap::new(),
        };
        let ids: Vec<NodeId> = (1..=brokers).map(NodeId).chain([CONTROLLER]).collect();
        for id in &ids {
            let node = Node {
                machine: Machine::Down(BrokerDisk::default(), ControllerDisk::default()),
                start: 0,
                tick_at: None,
                config: config.clone(),
            };
            cluster.nodes.insert(*id, node);
            for other in &ids {
                cluster.links.insert((*id, *other), Link::default());
            }
        }
        ids.into_iter().rev().for_each(|id| cluster.start(id));
        cluster
    }

    /// A cluster whose brokers are all unfenced, with [`TOPIC`] on three replicas.
    pub fn ready(seed: u64, config: &BrokerConfig, partitions: i32) -> Self {
        let mut cluster = Self::new(seed, 3, config);
        cluster.until("three brokers", Cluster::all_alive);
        cluster.create(TOPIC, partitions, None, &[]);
        cluster
    }

    pub fn brokers(&self) -> Vec<NodeId> {
        let ids = self.nodes.keys().copied();
        ids.filter(|id| *id != CONTROLLER).collect()
    }

    pub fn broker(&self, id: NodeId) -> Option<&Broker<u64>> {
        match &self.nodes[&id].machine {
            Machine::Broker(broker) => Some(broker),
            _ => None,
        }
    }

    pub fn controller(&self) -> Option<&Controller<u64>> {
        match &self.nodes[&CONTROLLER].machine {
            Machine::Controller(controller) => Some(controller),
            _ => None,
        }
    }

    pub fn is_up(&self, id: NodeId) -> bool {
        !matches!(self.nodes[&id].machine, Machine::Down(..))
    }

    pub fn all_alive(&self) -> bool {
        let alive = |c: &Controller<u64>| c.brokers().filter(|(_, fenced)| !fenced).count();
        self.controller().map(alive) == Some(self.brokers().len())
    }

    /// What the controller committed of a partition.
    pub fn state(&self, partition: TopicPartition) -> Option<PartitionState> {
        let mut states = self.controller()?.partitions();
        let found = states.find(|(of, _)| **of == partition);
        found.map(|(_, state)| state.clone())
    }

    pub fn leader(&self, partition: TopicPartition) -> Option<NodeId> {
        self.state(partition)?.leader
    }

    pub fn view(&self, id: NodeId, partition: TopicPartition) -> Option<PartitionView> {
        let mut views = self.broker(id)?.partitions();
        views.find(|(of, _)| *of == partition).map(|(_, view)| view)
    }

    /// (base offset, event, epoch) of all client batches of a replica.
    pub fn log(&self, id: NodeId, partition: TopicPartition) -> Vec<(Offset, u64, Epoch)> {
        let log = self.broker(id).and_then(|broker| broker.log(partition));
        let entries = log.into_iter().flat_map(|log| log.entries());
        entries
            .filter_map(|entry| match &entry.batch.body {
                Stored::Client(event) => Some((entry.base_offset, *event, entry.leader_epoch)),
                Stored::Group(_) => None,
            })
            .collect()
    }

    /// Whether a partition has all its replicas in sync, and all say the same.
    pub fn is_whole(&self, partition: TopicPartition) -> bool {
        let Some(state) = self.state(partition) else {
            return false;
        };
        let Some(leader) = state.leader.and_then(|id| self.view(id, partition)) else {
            return false;
        };
        state.isr.len() == state.replicas.len()
            && state.replicas.iter().all(|id| {
                self.view(*id, partition).is_some_and(|view| {
                    view.epoch == state.leader_epoch
                        && view.log_end == leader.log_end
                        && view.high_watermark == leader.log_end
                })
            })
    }

    pub fn all_whole(&self) -> bool {
        let Some(controller) = self.controller() else {
            return false;
        };
        self.all_alive() && controller.partitions().all(|(of, _)| self.is_whole(*of))
    }

    pub fn configure(&mut self, id: NodeId, change: impl FnOnce(&mut BrokerConfig)) {
        change(&mut self.nodes.get_mut(&id).unwrap().config);
    }

    /// Starts a process that is down.
    pub fn start(&mut self, id: NodeId) {
        let (now, number) = (self.now, self.starts + 1);
        let node = self.nodes.get_mut(&id).unwrap();
        let Machine::Down(disk, controller_disk) = &mut node.machine else {
            return;
        };
        self.starts = number;
        let (disk, controller_disk) = (std::mem::take(disk), std::mem::take(controller_disk));
        let config = node.config.clone();
        (node.start, node.tick_at) = (number, None);
        node.machine = if id == CONTROLLER {
            Machine::Controller(Box::new(Controller::start(
                id,
                config,
                controller_disk,
                now,
            )))
        } else {
            let broker = Broker::start(id, CONTROLLER, config, number, disk, now);
            Machine::Broker(Box::new(broker))
        };
        self.reset_links(id);
        // A process that has just started may want its first tick at once.
        self.step(id, In::Tick);
    }

    pub fn crash(&mut self, id: NodeId, loss: Loss) {
        let node = self.nodes.get_mut(&id).unwrap();
        let nothing = Machine::Down(BrokerDisk::default(), ControllerDisk::default());
        node.machine = match std::mem::replace(&mut node.machine, nothing) {
            Machine::Broker(broker) => {
                let disk = match loss {
                    Loss::Process => broker.kill(),
                    Loss::Power => broker.lose_power(),
                };
                Machine::Down(disk, ControllerDisk::default())
            }
            Machine::Controller(controller) => {
                Machine::Down(BrokerDisk::default(), controller.kill())
            }
            Machine::Down(mut disk, controller_disk) => {
                if loss == Loss::Power {
                    disk.lose_power();
                }
                Machine::Down(disk, controller_disk)
            }
        };
        self.gone(id);
    }

    /// SIGTERM; the process ends once the controller lets it go.
    pub fn shut_down(&mut self, id: NodeId) {
        let (now, mut out) = (self.now, Outbox::default());
        if let Machine::Broker(broker) = &mut self.nodes.get_mut(&id).unwrap().machine {
            broker.shut_down(now, &mut out);
        }
        self.carry_out(id, &mut out);
        self.arm(id);
        self.end_if_done(id);
    }

    fn end_if_done(&mut self, id: NodeId) {
        if !self.broker(id).is_some_and(Broker::is_shut_down) {
            return;
        }
        let node = self.nodes.get_mut(&id).unwrap();
        let nothing = Machine::Down(BrokerDisk::default(), ControllerDisk::default());
        if let Machine::Broker(broker) = std::mem::replace(&mut node.machine, nothing) {
            node.machine = Machine::Down(broker.end(), ControllerDisk::default());
        }
        self.gone(id);
    }

    fn gone(&mut self, id: NodeId) {
        self.nodes.get_mut(&id).unwrap().tick_at = None;
        let mine = self.open.iter().filter(|(_, node)| **node == id);
        let mine: Vec<ConnId> = mine.map(|(conn, _)| *conn).collect();
        for conn in mine {
            self.open.remove(&conn);
            self.answers.insert(conn, None);
        }
        self.reset_links(id);
    }

    /// Cuts a node off from all other nodes; clients still reach it.
    pub fn isolate(&mut self, id: NodeId) {
        self.cut_all(id, true);
    }

    pub fn rejoin(&mut self, id: NodeId) {
        self.cut_all(id, false);
        self.reset_links(id);
    }

    fn cut_all(&mut self, id: NodeId, cut: bool) {
        for ((from, to), link) in &mut self.links {
            if *from == id || *to == id {
                link.cut = cut;
            }
        }
    }

    /// Cuts (or mends) one link, in both directions.
    pub fn cut(&mut self, one: NodeId, other: NodeId, cut: bool) {
        for pair in [(one, other), (other, one)] {
            self.links.get_mut(&pair).unwrap().cut = cut;
        }
        if !cut {
            self.reset_link(one, other);
        }
    }

    fn reset_links(&mut self, id: NodeId) {
        let others: Vec<NodeId> = self.nodes.keys().copied().filter(|n| *n != id).collect();
        others
            .into_iter()
            .for_each(|other| self.reset_link(id, other));
    }

    /// What is in flight is lost, and both ends learn of it unless the link is cut.
    fn reset_link(&mut self, one: NodeId, other: NodeId) {
        for (from, to) in [(one, other), (other, one)] {
            let link = self.links.get_mut(&(from, to)).unwrap();
            link.generation += 1;
            if !link.cut {
                self.schedule(self.now + MS, Event::Reset(to, from));
            }
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), event);
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Peer<u64>) {
        let latency = self.random.between(self.latency.0, self.latency.1);
        let up = self.is_up(to);
        let link = self.links.get_mut(&(from, to)).unwrap();
        if link.cut || !up {
            return;
        }
        link.last_at = (self.now + latency).max(link.last_at);
        let (at, generation) = (link.last_at, link.generation);
        self.schedule(at, Event::Peer(from, to, generation, Box::new(message)));
    }

    /// Handles the next event up to `until`; false when there is none, and the clock stands at `until`.
    pub fn advance(&mut self, until: u64) -> bool {
        match self.queue.first_key_value() {
            Some(((at, _), _)) if *at <= until => {}
            _ => {
                self.now = self.now.max(until);
                return false;
            }
        }
        let Some(((at, _), event)) = self.queue.pop_first() else {
            return false;
        };
        self.now = at;
        match event {
            Event::Peer(from, to, generation, message) => {
                let link = &self.links[&(from, to)];
                if link.generation == generation && !link.cut {
                    let message = *message;
                    self.step(to, In::Peer { from, message });
                }
            }
            Event::Reset(node, peer) => self.step(node, In::PeerReset { peer }),
            Event::Tick(id, start) => {
                let node = self.nodes.get_mut(&id).unwrap();
                if node.start == start && node.tick_at == Some(at) {
                    node.tick_at = None;
                    self.step(id, In::Tick);
                }
            }
            Event::Flushed(id, start, token) => {
                if self.nodes[&id].start == start {
                    self.step(id, In::Flushed { token });
                }
            }
            Event::Request(id, conn, request) => self.deliver(id, conn, *request),
        }
        true
    }

    fn deliver(&mut self, id: NodeId, conn: ConnId, request: Request<u64>) {
        if !self.open.contains_key(&conn) {
            return;
        }
        if self.is_up(id) {
            let client = Name(9);
            let input = In::Request {
                conn,
                client,
                request,
            };
            self.step(id, input);
        } else {
            self.open.remove(&conn);
            self.answers.insert(conn, None);
        }
    }

    fn step(&mut self, id: NodeId, input: In<u64>) {
        let (now, mut out) = (self.now, Outbox::default());
        match &mut self.nodes.get_mut(&id).unwrap().machine {
            Machine::Broker(broker) => broker.step(now, input, &mut out),
            Machine::Controller(controller) => controller.step(now, input, &mut out),
            Machine::Down(..) => return,
        }
        self.steps += 1;
        self.carry_out(id, &mut out);
        self.check(id);
        let mut published = std::mem::take(&mut self.published);
        published.look(self);
        self.published = published;
        self.arm(id);
        self.end_if_done(id);
    }

    fn carry_out(&mut self, id: NodeId, out: &mut Outbox<u64>) {
        let start = self.nodes[&id].start;
        for output in out.drain().collect::<Vec<_>>() {
            match output {
                Out::Send { conn, response } => {
                    let open = self.open.remove(&conn);
                    assert!(open.is_some(), "an answer to nobody: {response:?}");
                    self.answers.insert(conn, Some(response));
                }
                Out::Close { conn } => {
                    if self.open.remove(&conn).is_some() {
                        self.answers.insert(conn, None);
                    }
                }
                Out::Peer { to, message } => self.send(id, to, message),
                Out::Flush { token } => {
                    let at = self.now + self.flush_latency;
                    self.schedule(at, Event::Flushed(id, start, token));
                }
                Out::Fact(fact) => self.facts.push((self.now, id, fact)),
            }
        }
    }

    fn arm(&mut self, id: NodeId) {
        let (now, node) = (self.now, self.nodes.get_mut(&id).unwrap());
        let next = match &node.machine {
            Machine::Broker(broker) => broker.next_timer(),
            Machine::Controller(controller) => controller.next_timer(),
            Machine::Down(..) => None,
        };
        let Some(next) = next else { return };
        assert!(
            next > now,
            "node {id} has just been stepped at {now} and wants a tick at {next}: a busy loop"
        );
        if node.tick_at != Some(next) {
            node.tick_at = Some(next);
            let start = node.start;
            self.schedule(next, Event::Tick(id, start));
        }
    }

    /// What must hold after every step.
    fn check(&mut self, id: NodeId) {
        let node = &self.nodes[&id];
        let (start, Machine::Broker(broker)) = (node.start, &node.machine) else {
            return;
        };
        if let Err(broken) = broker.check_invariants() {
            panic!("broker {id} at {} ns: {broken}", self.now);
        }
        for (partition, view) in broker.partitions() {
            let key = (id, start, partition, view.epoch);
            let mark = self.marks.entry(key).or_insert(view.high_watermark);
            assert!(
                self.may_lose || view.high_watermark >= *mark,
                "broker {id}: the high watermark of {partition:?} fell from {mark} to {} in epoch {}",
                view.high_watermark,
                view.epoch
            );
            *mark = view.high_watermark;
        }
    }

    pub fn run(&mut self, span: u64) {
        let until = self.now + span;
        while self.advance(until) {}
    }

    /// Runs until `done`; panics after a minute of virtual time.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = self.now + 60 * SECOND;
        while !done(self) {
            let more = self.advance(limit);
            assert!(
                more,
                "after a minute, still not: {what}\n{}",
                self.describe()
            );
        }
    }

    pub fn describe(&self) -> String {
        let Some(controller) = self.controller() else {
            return "no controller".to_owned();
        };
        let mut text = format!("brokers {:?}\n", controller.brokers().collect::<Vec<_>>());
        for (of, state) in controller.partitions() {
            text += &format!("{of:?} {state:?}\n");
            for id in self.brokers() {
                text += &format!("  {id}: {:?}\n", self.view(id, *of));
            }
        }
        text
    }

    /// Sends a request over a connection of its own; requests arrive in the order in which they were sent.
    pub fn ask(&mut self, id: NodeId, request: Request<u64>) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.open.insert(conn, id);
        let at = self.now + self.random.between(50_000, 500_000);
        self.last_ask = at.max(self.last_ask);
        self.schedule(self.last_ask, Event::Request(id, conn, Box::new(request)));
        conn
    }

    /// The answer, once: `Some(None)` is a connection that closed.
    pub fn answer(&mut self, conn: ConnId) -> Option<Option<Response<u64>>> {
        self.answers.remove(&conn)
    }

    pub fn is_open(&self, conn: ConnId) -> bool {
        self.open.contains_key(&conn)
    }

    /// The client goes away.
    pub fn hang_up(&mut self, conn: ConnId) {
        if let Some(id) = self.open.remove(&conn) {
            self.step(id, In::Closed { conn });
        }
    }

    /// Asks and waits; `None` when the connection closed.
    pub fn call(&mut self, id: NodeId, request: Request<u64>) -> Option<Response<u64>> {
        let conn = self.ask(id, request);
        self.until("an answer", |cluster| !cluster.is_open(conn));
        self.answer(conn).flatten()
    }

    /// Facts that were told from `since` on.
    pub fn facts_since(&self, since: u64) -> impl Iterator<Item = &Fact> {
        let later = self.facts.iter().filter(move |(at, ..)| *at >= since);
        later.map(|(_, _, fact)| fact)
    }

    /// Brokers that hold a different log of the partition than its leader does, up to what both have committed.
    pub fn diverged(&self, partition: TopicPartition) -> BTreeSet<NodeId> {
        let Some(leader) = self.leader(partition) else {
            return BTreeSet::new();
        };
        let own = self.log(leader, partition);
        let differs = |id: &NodeId| self.log(*id, partition) != own;
        self.brokers().into_iter().filter(differs).collect()
    }
}
