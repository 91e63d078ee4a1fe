//! Brokers and controller in virtual time: the driver of squall-model's machines.

mod admin;
mod connection;
mod disk;
mod facts;
mod names;
mod node;
mod pause;
mod refusal;
mod request;
mod shut;
mod view;

pub use connection::{Broken, ClientEnd, Connection};
pub use names::Names;
pub use refusal::error_named;
pub use view::TopicReader;

use crate::Counts;
use crate::journal::Journal;
use crate::kernel::{Kernel, MS, Nanos};
use crate::network::{End, Lane, LinkProfile, Network};
use crate::occurrence::Occurrence;
use crate::record::Body;
use connection::Conns;
use node::{Machine, Node, Nodes};
use squall_model::kafka::{
    Broker, BrokerConfig, BrokerDisk, ConnId, Controller, ControllerDisk, In, NodeId, Out, Outbox,
    Peer, Response,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use view::{Stir, View};

/// The controller is a node of its own that no fault reaches.
pub const CONTROLLER: NodeId = NodeId(0);
/// How long a disk takes to make appended pages durable.
const FLUSH_NS: Nanos = 2 * MS;
/// A machine that asks to be called at once is called again after this, so that time goes on.
const TIMER_GRAIN_NS: Nanos = 1_000;

pub struct Cluster {
    pub kernel: Rc<Kernel>,
    pub network: Rc<Network>,
    pub journal: Rc<Journal>,
    pub names: Names,
    /// What clients count; messages are the network's to count.
    pub counts: Cell<Counts>,
    config: BrokerConfig,
    links: LinkProfile,
    nodes: RefCell<Nodes>,
    /// Between nodes, by both of them: found once, for most messages go there.
    peer_lanes: RefCell<Vec<Option<Lane>>>,
    conns: RefCell<Conns>,
    view: RefCell<View>,
    stir: Stir,
    /// Empty ones, to be used again.
    outboxes: RefCell<Vec<Outbox<Body>>>,
}

impl Cluster {
    /// A cluster whose brokers (1, 2, ...) and controller start now.
    pub fn start(
        kernel: &Rc<Kernel>,
        network: &Rc<Network>,
        journal: &Rc<Journal>,
        (brokers, links): (u32, LinkProfile),
        config: BrokerConfig,
    ) -> Rc<Self> {
        let names = Names::default();
        let config = BrokerConfig {
            offsets_topic: names.intern("__consumer_offsets"),
            high_watermark_facts: true,
            ..config
        };
        let cluster = Rc::new(Self {
            kernel: Rc::clone(kernel),
            network: Rc::clone(network),
            journal: Rc::clone(journal),
            names,
            counts: Cell::default(),
            config,
            links,
            nodes: RefCell::default(),
            peer_lanes: RefCell::default(),
            conns: RefCell::default(),
            view: RefCell::default(),
            stir: Stir::new(kernel),
            outboxes: RefCell::default(),
        });
        let controller = Controller::start(
            CONTROLLER,
            cluster.config.clone(),
            ControllerDisk::default(),
            kernel.now(),
        );
        cluster.add(
            CONTROLLER,
            Node::new(Machine::Controller(Box::new(controller))),
        );
        for id in 1..=brokers {
            let id = NodeId(id.cast_signed());
            cluster.add(id, Node::new(Machine::Down(BrokerDisk::default())));
            cluster.start_broker(id);
        }
        cluster
    }

    fn add(self: &Rc<Self>, id: NodeId, node: Node) {
        self.nodes.borrow_mut().push(node);
        debug_assert_eq!(self.nodes.borrow().ids().last(), Some(id), "ids are dense");
        self.arm(id);
    }

    #[must_use]
    pub fn brokers(&self) -> Vec<NodeId> {
        let nodes = self.nodes.borrow();
        nodes.ids().filter(|id| *id != CONTROLLER).collect()
    }

    #[must_use]
    pub fn is_up(&self, id: NodeId) -> bool {
        self.nodes.borrow().get(id).is_some_and(Node::is_up)
    }

    /// Starts a broker on its disk. False: it is up already.
    pub fn start_broker(self: &Rc<Self>, id: NodeId) -> bool {
        let now = self.kernel.now();
        {
            let mut nodes = self.nodes.borrow_mut();
            let Some(node) = nodes.get_mut(id) else {
                return false;
            };
            let Some(disk) = node.take_disk() else {
                return false;
            };
            node.incarnation += 1;
            node.held = None;
            let incarnation = u64::from(id.0.cast_unsigned()) << 32 | node.incarnation;
            let mut broker =
                Broker::start(id, CONTROLLER, self.config.clone(), incarnation, disk, now);
            broker.set_disk(node.disk.state);
            node.machine = Machine::Broker(Box::new(broker));
        }
        self.reset_peers(id);
        self.arm(id);
        true
    }

    /// A broker's process dies: what it was sending is lost, its page cache stays. False: it is down already.
    pub fn kill_broker(self: &Rc<Self>, id: NodeId) -> bool {
        self.end_broker(id, |broker| broker.kill())
    }

    /// As [`Cluster::kill_broker`], and what was not flushed is gone too.
    pub fn lose_power(self: &Rc<Self>, id: NodeId) -> bool {
        self.end_broker(id, |broker| {
            let mut disk = broker.kill();
            self.tell_lost_tails(id, &disk);
            disk.lose_power();
            disk
        })
    }

    fn end_broker(
        self: &Rc<Self>,
        id: NodeId,
        end: impl FnOnce(Broker<Body>) -> BrokerDisk<Body>,
    ) -> bool {
        {
            let mut nodes = self.nodes.borrow_mut();
            let Some(node) = nodes.get_mut(id) else {
                return false;
            };
            let Some(broker) = node.take_broker() else {
                return false;
            };
            node.incarnation += 1;
            node.held = None;
            if let Some((_, timer)) = node.armed.take() {
                self.kernel.call_off(timer);
            }
            node.machine = Machine::Down(end(broker));
        }
        self.break_connections_of(id);
        self.reset_peers(id);
        true
    }

    /// Stops a broker in order, leaders first. False: it did not get there in time, and was killed, or another fault ended it first.
    pub async fn stop_broker(self: &Rc<Self>, id: NodeId, within: Nanos) -> bool {
        let now = self.kernel.now();
        self.with_broker(id, |broker, out| broker.shut_down(now, out));
        let (asked, deadline) = (self.incarnation(id), now + within);
        while self.kernel.now() < deadline {
            // Whoever runs now was not asked.
            if self.incarnation(id) != asked {
                return false;
            }
            let ready = match self.nodes.borrow().get(id).map(|node| &node.machine) {
                Some(Machine::Broker(broker)) => broker.is_shut_down(),
                _ => return false,
            };
            if ready {
                return self.end_broker(id, Broker::end);
            }
            self.kernel.sleep(10 * MS).await;
        }
        self.kill_broker(id);
        false
    }

    /// The other nodes see their link to this one break, each after the latency of the link.
    fn reset_peers(self: &Rc<Self>, id: NodeId) {
        let others: Vec<NodeId> = self
            .nodes
            .borrow()
            .ids()
            .filter(|other| *other != id)
            .collect();
        for other in others {
            self.reset_link(id, other);
        }
    }

    /// One sees its link from another break.
    fn reset_link(self: &Rc<Self>, peer: NodeId, to: NodeId) {
        let way = (End::Node(peer), End::Node(to));
        let arrival = self.network.arrival(way.0, way.1, 0, self.links);
        let incarnation = self.incarnation(to);
        let cluster = Rc::clone(self);
        self.network.pass(way, arrival, move || {
            if cluster.incarnation(to) == incarnation {
                cluster.step(to, In::PeerReset { peer });
            }
        });
    }

    /// How often a broker was started.
    #[must_use]
    pub fn life(&self, id: NodeId) -> u64 {
        self.incarnation(id).div_ceil(2)
    }

    fn incarnation(&self, id: NodeId) -> u64 {
        let nodes = self.nodes.borrow();
        nodes.get(id).map_or(0, |node| node.incarnation)
    }

    /// Feeds one input to a machine and carries out what follows.
    fn step(self: &Rc<Self>, id: NodeId, input: In<Body>) {
        let now = self.kernel.now();
        let mut out = self.outboxes.borrow_mut().pop().unwrap_or_default();
        {
            let mut nodes = self.nodes.borrow_mut();
            let Some(node) = nodes.get_mut(id) else {
                return;
            };
            if let Some(held) = &mut node.held {
                return held.push(input);
            }
            match &mut node.machine {
                Machine::Broker(broker) => broker.step(now, input, &mut out),
                Machine::Controller(controller) => controller.step(now, input, &mut out),
                Machine::Down(_) | Machine::Moving => return,
            }
        }
        self.carry_out(id, out);
        self.end_if_halted(id);
    }

    fn with_broker(
        self: &Rc<Self>,
        id: NodeId,
        act: impl FnOnce(&mut Broker<Body>, &mut Outbox<Body>),
    ) {
        let mut out = Outbox::default();
        if let Some(Machine::Broker(broker)) = self
            .nodes
            .borrow_mut()
            .get_mut(id)
            .map(|node| &mut node.machine)
        {
            act(broker, &mut out);
        }
        self.carry_out(id, out);
    }

    fn carry_out(self: &Rc<Self>, id: NodeId, mut out: Outbox<Body>) {
        for output in out.drain() {
            match output {
                Out::Send { conn, response } => self.answer(conn, response),
                Out::Close { conn } => self.close_by_broker(conn),
                Out::Peer { to, message } => self.send_peer(id, to, message),
                Out::Flush { token } => self.flush(id, token),
                Out::Fact(fact) => self.tell(id, fact),
            }
        }
        self.outboxes.borrow_mut().push(out);
        self.arm(id);
    }

    fn send_peer(self: &Rc<Self>, from: NodeId, to: NodeId, message: Peer<Body>) {
        let lane = self.peer_lane(from, to);
        if self.network.resets(lane) {
            return self.reset_link(from, to);
        }
        let arrival = self.network.arrival_on(lane, message.bytes(), self.links);
        let lives = (self.incarnation(from), self.incarnation(to));
        let what = Occurrence::Peer {
            from,
            to,
            lives,
            message,
        };
        let way = (End::Node(from), End::Node(to));
        self.network.plan(way, arrival, what);
    }

    fn peer_lane(&self, from: NodeId, to: NodeId) -> Lane {
        let index = |id: NodeId| usize::try_from(id.0).unwrap_or(0);
        let at = index(from) * self.nodes.borrow().len() + index(to);
        let mut lanes = self.peer_lanes.borrow_mut();
        if lanes.len() <= at {
            lanes.resize(at + 1, None);
        }
        *lanes[at].get_or_insert_with(|| self.network.lane(End::Node(from), End::Node(to)))
    }

    /// What was planned is there.
    pub fn happen(self: &Rc<Self>, what: Occurrence) {
        match what {
            Occurrence::Peer {
                from,
                to,
                lives,
                message,
            } => {
                if (self.incarnation(from), self.incarnation(to)) == lives {
                    self.step(to, In::Peer { from, message });
                }
            }
            Occurrence::Flushed { node, life, token } => {
                if self.incarnation(node) == life {
                    self.step(node, In::Flushed { token });
                }
            }
            Occurrence::Tick { node, life } => self.tick(node, life),
            Occurrence::Request { conn, request } => self.request_arrives(conn, request),
            Occurrence::Answer { to, response } => to.answer_arrives(response),
        }
    }

    fn flush(self: &Rc<Self>, id: NodeId, token: u64) {
        let what = Occurrence::Flushed {
            node: id,
            life: self.incarnation(id),
            token,
        };
        self.kernel
            .plan(self.kernel.now() + FLUSH_NS + self.slow_write_ns(id), what);
    }

    /// Plans the machine's next tick, unless one that is early enough is planned already.
    fn arm(self: &Rc<Self>, id: NodeId) {
        let now = self.kernel.now();
        let mut nodes = self.nodes.borrow_mut();
        let Some(node) = nodes.get_mut(id) else {
            return;
        };
        let Some(due) = node.next_timer() else {
            return;
        };
        let at = due.max(now + TIMER_GRAIN_NS);
        match node.armed {
            Some((armed, _)) if armed <= at => return,
            Some((_, later)) => self.kernel.call_off(later),
            None => {}
        }
        let life = node.incarnation;
        let timer = self.kernel.plan(at, Occurrence::Tick { node: id, life });
        node.armed = Some((at, timer));
    }

    fn tick(self: &Rc<Self>, id: NodeId, life: u64) {
        let now = self.kernel.now();
        let due = {
            let mut nodes = self.nodes.borrow_mut();
            let Some(node) = nodes.get_mut(id) else {
                return;
            };
            if node.incarnation != life {
                return;
            }
            node.armed = None;
            node.next_timer().is_some_and(|due| due <= now)
        };
        if due {
            self.step(id, In::Tick);
        } else {
            self.arm(id);
        }
    }

    fn answer(self: &Rc<Self>, conn: ConnId, response: Response<Body>) {
        self.send_answer(conn, response);
        self.feed(conn);
    }
}
