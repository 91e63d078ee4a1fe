//! Disks of brokers that are full or slow.

use super::Cluster;
use super::node::Machine;
use crate::kernel::Nanos;
use squall_model::kafka::{DiskState, NodeId};
use std::rc::Rc;

/// The disk of a broker, and what was seen of it.
#[derive(Clone, Copy, Default)]
pub struct Disk {
    pub state: DiskState,
    /// How much longer a write takes while it is slow.
    slow_ns: Nanos,
    /// Appends that found no room and ended the broker, and writes that began while it was slow.
    met: u64,
}

impl Cluster {
    /// From now on. A broker that halted on a full disk is started like any other that is down.
    pub fn set_disk(&self, id: NodeId, state: DiskState, slow_ns: Nanos) {
        if let Some(node) = self.nodes.borrow_mut().get_mut(id) {
            (node.disk.state, node.disk.slow_ns) = (state, slow_ns);
            if let Machine::Broker(broker) = &mut node.machine {
                broker.set_disk(state);
            }
        }
    }

    /// What has met the trouble of a disk since the run began.
    pub fn disk_met(&self, id: NodeId) -> u64 {
        self.nodes.borrow().get(id).map_or(0, |node| node.disk.met)
    }

    /// What a write that begins now takes longer than usual.
    pub(super) fn slow_write_ns(&self, id: NodeId) -> Nanos {
        let mut nodes = self.nodes.borrow_mut();
        let slow = nodes
            .get_mut(id)
            .filter(|node| node.disk.state == DiskState::Slow);
        slow.map_or(0, |node| {
            node.disk.met += 1;
            node.disk.slow_ns
        })
    }

    /// Ends the process of a broker whose log directory failed in the step that is over.
    pub(super) fn end_if_halted(self: &Rc<Self>, id: NodeId) {
        let halted = {
            let mut nodes = self.nodes.borrow_mut();
            let halted = nodes.get_mut(id).filter(|node| match &node.machine {
                Machine::Broker(broker) => broker.halted_at().is_some(),
                _ => false,
            });
            halted.map(|node| node.disk.met += 1).is_some()
        };
        if halted {
            self.kill_broker(id);
        }
    }
}
