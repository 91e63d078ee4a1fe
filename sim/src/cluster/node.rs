//! One broker or controller as the driver holds it.

use super::disk::Disk;
use crate::kernel::{Nanos, Timer};
use crate::record::Body;
use squall_model::kafka::{Broker, BrokerDisk, Controller, In, NodeId};

pub(super) enum Machine {
    Broker(Box<Broker<Body>>),
    Controller(Box<Controller<Body>>),
    Down(BrokerDisk<Body>),
    /// Between two states, within one call.
    Moving,
}

pub(super) struct Node {
    pub machine: Machine,
    /// Grows with every start and every end, so that what was meant for one life does not reach the next.
    pub incarnation: u64,
    /// When its next tick is planned, and by which timer.
    pub armed: Option<(Nanos, Timer)>,
    /// Outlives its process.
    pub disk: Disk,
    /// While it is paused: what it will find when it goes on.
    pub held: Option<Vec<In<Body>>>,
    /// Clients do not reach it: connections that were cut and refused, while that is so.
    pub refused: Option<u64>,
}

/// All nodes. Their ids are dense: the controller's is 0, the brokers' follow.
#[derive(Default)]
pub(super) struct Nodes(Vec<Node>);

impl Nodes {
    /// The next one.
    pub fn push(&mut self, node: Node) {
        self.0.push(node);
    }

    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.0.get(usize::try_from(id.0).ok()?)
    }

    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.0.get_mut(usize::try_from(id.0).ok()?)
    }

    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).map(NodeId).zip(&self.0)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.iter().map(|(id, _)| id)
    }
}

impl Node {
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            incarnation: 0,
            armed: None,
            disk: Disk::default(),
            held: None,
            refused: None,
        }
    }

    pub const fn is_up(&self) -> bool {
        matches!(self.machine, Machine::Broker(_) | Machine::Controller(_))
    }

    pub fn next_timer(&self) -> Option<Nanos> {
        match &self.machine {
            Machine::Broker(broker) => broker.next_timer(),
            Machine::Controller(controller) => controller.next_timer(),
            Machine::Down(_) | Machine::Moving => None,
        }
    }

    pub fn take_disk(&mut self) -> Option<BrokerDisk<Body>> {
        match std::mem::replace(&mut self.machine, Machine::Moving) {
            Machine::Down(disk) => Some(disk),
            other => {
                self.machine = other;
                None
            }
        }
    }

    pub fn take_broker(&mut self) -> Option<Broker<Body>> {
        match std::mem::replace(&mut self.machine, Machine::Moving) {
            Machine::Broker(broker) => Some(*broker),
            other => {
                self.machine = other;
                None
            }
        }
    }
}
