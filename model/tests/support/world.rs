//! The event loop: nodes, links, timers and flushes in virtual time.

use super::random::Random;
use super::{MILLISECOND, SECOND};
use squall_model::kafka::*;
use std::collections::{BTreeMap, VecDeque};

pub const CONTROLLER: NodeId = NodeId(0);

/// What a test hears.
#[derive(Debug)]
pub enum Heard {
    Response(ConnId, Response<u64>),
    /// The connection broke, or the broker closed it.
    Closed(ConnId),
    /// A wake-up that the test asked for.
    Wake(u64),
}

enum Event {
    Deliver {
        from: NodeId,
        to: NodeId,
        generation: u64,
        message: Peer<u64>,
    },
    Reset {
        node: NodeId,
        peer: NodeId,
    },
    Tick {
        node: NodeId,
        start: u64,
    },
    Flushed {
        node: NodeId,
        start: u64,
        token: u64,
    },
    Request {
        node: NodeId,
        conn: ConnId,
        request: Request<u64>,
    },
    Wake(u64),
}

#[derive(Default)]
struct Link {
    blocked: bool,
    generation: u64,
    last_at: u64,
    held: VecDeque<Peer<u64>>,
}

enum Machine {
    Broker(Box<Broker<u64>>),
    Controller(Box<Controller<u64>>),
    Down,
}

struct Node {
    machine: Machine,
    disk: BrokerDisk<u64>,
    controller_disk: ControllerDisk,
    start: u64,
    tick_at: Option<u64>,
}

pub struct World {
    pub now: u64,
    pub random: Random,
    pub config: BrokerConfig,
    pub facts: Vec<(u64, NodeId, Fact)>,
    pub heard: VecDeque<Heard>,
    pub steps: u64,
    nodes: BTreeMap<NodeId, Node>,
    links: BTreeMap<(NodeId, NodeId), Link>,
    queue: BTreeMap<(u64, u64), Event>,
    order: u64,
    starts: u64,
    conns: BTreeMap<ConnId, NodeId>,
    next_conn: u64,
    /// (node, start, partition) to (epoch, high watermark), which may only grow within an epoch.
    marks: BTreeMap<(NodeId, u64, TopicPartition), (Epoch, Offset)>,
    pub flush_latency: u64,
    /// Who lost power last when.
    pub lost_power: BTreeMap<NodeId, u64>,
    /// Invariants that were broken on the way.
    pub violations: Vec<String>,
}

impl World {
    pub fn new(seed: u64, brokers: i32, config: BrokerConfig) -> Self {
        let mut world = Self {
            now: 0,
            random: Random::new(seed),
            config,
            facts: Vec::new(),
            heard: VecDeque::new(),
            steps: 0,
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            queue: BTreeMap::new(),
            order: 0,
            starts: 0,
            conns: BTreeMap::new(),
            next_conn: 0,
            marks: BTreeMap::new(),
            flush_latency: 2 * MILLISECOND,
            lost_power: BTreeMap::new(),
            violations: Vec::new(),
        };
        for id in 0..=brokers {
            let node = Node {
                machine: Machine::Down,
                disk: BrokerDisk::default(),
                controller_disk: ControllerDisk::default(),
                start: 0,
                tick_at: None,
            };
            world.nodes.insert(NodeId(id), node);
        }
        for from in 0..=brokers {
            for to in 0..=brokers {
                world
                    .links
                    .insert((NodeId(from), NodeId(to)), Link::default());
            }
        }
        for id in 0..=brokers {
            world.start(NodeId(id));
        }
        world
    }

    pub fn broker_ids(&self) -> Vec<NodeId> {
        self.nodes
            .keys()
            .copied()
            .filter(|id| *id != CONTROLLER)
            .collect()
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
        !matches!(self.nodes[&id].machine, Machine::Down)
    }

    /// Starts a process, if it is down.
    pub fn start(&mut self, id: NodeId) {
        if self.is_up(id) {
            return;
        }
        self.starts += 1;
        let (now, start, config) = (self.now, self.starts, self.config.clone());
        let node = self.nodes.get_mut(&id).unwrap();
        node.start = start;
        node.tick_at = None;
        node.machine = if id == CONTROLLER {
            let disk = std::mem::take(&mut node.controller_disk);
            Machine::Controller(Box::new(Controller::start(id, config, disk, now)))
        } else {
            let disk = std::mem::take(&mut node.disk);
            Machine::Broker(Box::new(Broker::start(
                id, CONTROLLER, config, start, disk, now,
            )))
        };
        self.arm(id);
        self.break_links(id);
    }

    /// SIGKILL, or with `power` the loss of what was not flushed.
    pub fn crash(&mut self, id: NodeId, power: bool) {
        if power {
            self.lost_power.insert(id, self.now);
        }
        let node = self.nodes.get_mut(&id).unwrap();
        match std::mem::replace(&mut node.machine, Machine::Down) {
            Machine::Broker(broker) => {
                node.disk = if power {
                    broker.lose_power()
                } else {
                    broker.kill()
                }
            }
            Machine::Controller(controller) => node.controller_disk = controller.kill(),
            Machine::Down => return,
        }
        self.close_conns(id);
        self.break_links(id);
    }

    /// Begins a controlled shutdown; the process ends when the controller lets it go.
    pub fn shut_down(&mut self, id: NodeId) {
        let now = self.now;
        let mut out = Outbox::default();
        if let Some(Machine::Broker(broker)) = self.nodes.get_mut(&id).map(|n| &mut n.machine) {
            broker.shut_down(now, &mut out);
        }
        self.carry_out(id, &mut out);
        self.arm(id);
    }

    fn close_conns(&mut self, id: NodeId) {
        let gone: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, n)| **n == id)
            .map(|(c, _)| *c)
            .collect();
        for conn in gone {
            self.conns.remove(&conn);
            self.heard.push_back(Heard::Closed(conn));
        }
    }

    /// Drops what is in flight to and from a node; both ends see their links break.
    pub fn break_links(&mut self, id: NodeId) {
        let others: Vec<NodeId> = self.nodes.keys().copied().filter(|n| *n != id).collect();
        for other in others {
            self.break_link(id, other);
        }
    }

    pub fn break_link(&mut self, one: NodeId, other: NodeId) {
        for (from, to) in [(one, other), (other, one)] {
            let link = self.links.get_mut(&(from, to)).unwrap();
            link.generation += 1;
            link.held.clear();
            let at = self.now + self.random.between(1, 3) * MILLISECOND;
            self.schedule(
                at,
                Event::Reset {
                    node: to,
                    peer: from,
                },
            );
        }
    }

    /// Holds (or lets go) everything between two nodes, in both directions.
    pub fn block(&mut self, one: NodeId, other: NodeId, blocked: bool) {
        for (from, to) in [(one, other), (other, one)] {
            let link = self.links.get_mut(&(from, to)).unwrap();
            link.blocked = blocked;
            if !blocked {
                for message in std::mem::take(&mut link.held) {
                    self.send(from, to, message);
                }
            }
        }
    }

    pub fn heal(&mut self) {
        let pairs: Vec<_> = self
            .links
            .iter()
            .filter(|(_, l)| l.blocked)
            .map(|(pair, _)| *pair)
            .collect();
        for (from, to) in pairs {
            self.block(from, to, false);
        }
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Peer<u64>) {
        let latency = self.random.between(200_000, 3 * MILLISECOND);
        let link = self.links.get_mut(&(from, to)).unwrap();
        if link.blocked {
            link.held.push_back(message);
            return;
        }
        let at = (self.now + latency).max(link.last_at);
        link.last_at = at;
        let generation = link.generation;
        self.schedule(
            at,
            Event::Deliver {
                from,
                to,
                generation,
                message,
            },
        );
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), event);
    }

    pub fn wake(&mut self, after: u64, token: u64) {
        self.schedule(self.now + after, Event::Wake(token));
    }

    /// Sends a client's request over a connection of its own.
    pub fn ask(&mut self, node: NodeId, request: Request<u64>) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.conns.insert(conn, node);
        let at = self.now + self.random.between(100_000, MILLISECOND);
        self.schedule(
            at,
            Event::Request {
                node,
                conn,
                request,
            },
        );
        conn
    }

    /// The client gives a connection up.
    pub fn hang_up(&mut self, conn: ConnId) {
        if let Some(node) = self.conns.remove(&conn) {
            self.step(node, In::Closed { conn });
        }
    }

    /// Handles the next event; false when there is none before `until`.
    pub fn advance(&mut self, until: u64) -> bool {
        let Some(entry) = self.queue.first_entry() else {
            return false;
        };
        if entry.key().0 > until {
            self.now = until;
            return false;
        }
        let ((at, _), event) = entry.remove_entry();
        self.now = self.now.max(at);
        match event {
            Event::Deliver {
                from,
                to,
                generation,
                message,
            } => {
                if self.links[&(from, to)].generation == generation {
                    self.step(to, In::Peer { from, message });
                }
            }
            Event::Reset { node, peer } => self.step(node, In::PeerReset { peer }),
            Event::Tick { node, start } => {
                let state = self.nodes.get_mut(&node).unwrap();
                if state.start == start && state.tick_at == Some(at) {
                    state.tick_at = None;
                    self.step(node, In::Tick);
                }
            }
            Event::Flushed { node, start, token } => {
                if self.nodes[&node].start == start {
                    self.step(node, In::Flushed { token });
                }
            }
            Event::Request {
                node,
                conn,
                request,
            } => {
                if self.conns.get(&conn) == Some(&node) && self.is_up(node) {
                    let client = Name(0);
                    self.step(
                        node,
                        In::Request {
                            conn,
                            client,
                            request,
                        },
                    );
                } else if self.conns.remove(&conn).is_some() {
                    self.heard.push_back(Heard::Closed(conn));
                }
            }
            Event::Wake(token) => self.heard.push_back(Heard::Wake(token)),
        }
        true
    }

    fn step(&mut self, id: NodeId, input: In<u64>) {
        self.steps += 1;
        let now = self.now;
        let mut out = Outbox::default();
        match &mut self.nodes.get_mut(&id).unwrap().machine {
            Machine::Broker(broker) => broker.step(now, input, &mut out),
            Machine::Controller(controller) => controller.step(now, input, &mut out),
            Machine::Down => return,
        }
        self.carry_out(id, &mut out);
        self.check(id);
        self.arm(id);
        if self.broker(id).is_some_and(Broker::is_shut_down) {
            self.end(id);
        }
    }

    fn end(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap();
        if let Machine::Broker(broker) = std::mem::replace(&mut node.machine, Machine::Down) {
            node.disk = broker.end();
        }
        self.close_conns(id);
        self.break_links(id);
    }

    fn carry_out(&mut self, id: NodeId, out: &mut Outbox<u64>) {
        let start = self.nodes[&id].start;
        for output in out.drain().collect::<Vec<_>>() {
            match output {
                Out::Send { conn, response } => {
                    assert!(
                        self.conns.contains_key(&conn) || !self.is_up(id),
                        "an answer to nobody: {response:?}"
                    );
                    self.conns.remove(&conn);
                    self.heard.push_back(Heard::Response(conn, response));
                }
                Out::Close { conn } => {
                    self.conns.remove(&conn);
                    self.heard.push_back(Heard::Closed(conn));
                }
                Out::Peer { to, message } => {
                    if self.is_up(to) {
                        self.send(id, to, message);
                    }
                }
                Out::Flush { token } => {
                    let at = self.now + self.flush_latency;
                    self.schedule(
                        at,
                        Event::Flushed {
                            node: id,
                            start,
                            token,
                        },
                    );
                }
                Out::Fact(fact) => self.facts.push((self.now, id, fact)),
            }
        }
    }

    fn arm(&mut self, id: NodeId) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).unwrap();
        let next = match &node.machine {
            Machine::Broker(broker) => broker.next_timer(),
            Machine::Controller(controller) => controller.next_timer(),
            Machine::Down => None,
        };
        let Some(next) = next.map(|at| at.max(now + 1_000)) else {
            return;
        };
        if node.tick_at.is_none_or(|at| next < at) {
            node.tick_at = Some(next);
            let start = node.start;
            self.schedule(next, Event::Tick { node: id, start });
        }
    }

    /// What must hold after every step.
    fn check(&mut self, id: NodeId) {
        let Machine::Broker(broker) = &self.nodes[&id].machine else {
            return;
        };
        let start = self.nodes[&id].start;
        if let Err(problem) = broker.check_invariants() {
            self.violations.push(format!("broker {id}: {problem}"));
        }
        for (partition, view) in broker.partitions() {
            let now = (view.epoch, view.high_watermark);
            let mark = self.marks.entry((id, start, partition)).or_insert(now);
            if now.0 < mark.0 || (now.0 == mark.0 && now.1 < mark.1) {
                let (epoch, from, to) = (mark.0, mark.1, now.1);
                self.violations.push(format!(
                    "broker {id}: the high watermark of {partition:?} fell from {from} to {to} within epoch {epoch}"
                ));
            }
            *mark = now;
        }
    }

    /// Runs for a span, handing nothing to anybody.
    pub fn run_for(&mut self, span: u64) {
        let until = self.now + span;
        while self.advance(until) {}
    }

    /// Runs until `done` or panics after `limit`.
    pub fn run_until(&mut self, limit: u64, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let until = self.now + limit;
        while !done(self) {
            assert!(
                self.advance(until),
                "after {} s there is still no {what}",
                limit / SECOND
            );
        }
    }

    /// Asks and runs until the answer is there; other things heard meanwhile stay in order.
    pub fn call(&mut self, node: NodeId, request: Request<u64>) -> Option<Response<u64>> {
        let conn = self.ask(node, request);
        let until = self.now + 60 * SECOND;
        loop {
            let place = self
                .heard
                .iter()
                .position(|h| matches!(h, Heard::Response(c, _) | Heard::Closed(c) if *c == conn));
            if let Some(place) = place {
                return match self.heard.remove(place) {
                    Some(Heard::Response(_, response)) => Some(response),
                    _ => None,
                };
            }
            assert!(self.advance(until), "no answer within a minute");
        }
    }

    /// Whether every broker is up and unfenced in everybody's eyes, and every partition whole.
    pub fn is_whole(&self) -> bool {
        let Some(controller) = self.controller() else {
            return false;
        };
        let brokers = self.broker_ids();
        let states: Vec<_> = controller.partitions().collect();
        brokers.iter().all(|id| self.broker(*id).is_some())
            && controller.brokers().filter(|(_, fenced)| !fenced).count() == brokers.len()
            && states
                .iter()
                .all(|(_, s)| s.leader.is_some() && s.isr.len() == s.replicas.len())
            && states.iter().all(|(partition, state)| {
                let views: Vec<_> = state
                    .replicas
                    .iter()
                    .map(|id| self.view(*id, **partition))
                    .collect();
                views.iter().all(|v| {
                    v.as_ref().is_some_and(|v| {
                        v.log_end == v.high_watermark && v.epoch == state.leader_epoch
                    })
                }) && views
                    .windows(2)
                    .all(|w| w[0].as_ref().map(|v| v.log_end) == w[1].as_ref().map(|v| v.log_end))
            })
    }

    pub fn view(&self, id: NodeId, partition: TopicPartition) -> Option<PartitionView> {
        self.broker(id)?
            .partitions()
            .find(|(p, _)| *p == partition)
            .map(|(_, v)| v)
    }

    /// Who says that it leads, in the newest epoch that anybody knows.
    pub fn leader_of(&self, partition: TopicPartition) -> Option<NodeId> {
        let views = self
            .broker_ids()
            .into_iter()
            .filter_map(|id| Some((id, self.view(id, partition)?)));
        views
            .filter(|(_, v)| v.is_leader)
            .max_by_key(|(_, v)| v.epoch)
            .map(|(id, _)| id)
    }

    /// (offset, id of the batch, its records) of a replica's whole log.
    pub fn log_of(&self, id: NodeId, partition: TopicPartition) -> Vec<(Offset, u64, u32, Epoch)> {
        let Some(log) = self.broker(id).and_then(|b| b.log(partition)) else {
            return Vec::new();
        };
        log.entries()
            .filter_map(|entry| match entry.batch.body {
                Stored::Client(body) => Some((
                    entry.base_offset,
                    body,
                    entry.batch.header.records,
                    entry.leader_epoch,
                )),
                Stored::Group(_) => None,
            })
            .collect()
    }
}

/// A topic with `partitions` on three replicas.
pub fn new_topic(topic: Name, partitions: i32, configs: &[(&str, &str)]) -> Request<u64> {
    Request::CreateTopics(CreateTopicsRequest {
        topics: vec![NewTopic {
            topic,
            partitions,
            replication_factor: 3,
            assignment: None,
            configs: configs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        }],
        timeout_ms: 10_000,
        validate_only: false,
    })
}
