//! Connections that are cut, refused or silent, by a fault.

use super::Cluster;
use crate::kernel::Nanos;
use squall_model::kafka::{ConnId, In, NodeId};
use std::rc::Rc;

impl Cluster {
    /// Whether somebody takes a connection there, which counts as refused where a fault is why not.
    pub(super) fn listens(&self, id: NodeId) -> bool {
        let mut nodes = self.nodes.borrow_mut();
        let Some(node) = nodes.get_mut(id) else {
            return false;
        };
        match &mut node.refused {
            Some(times) => {
                *times += 1;
                false
            }
            None => node.is_up(),
        }
    }

    /// Cuts the connections of a broker's clients, and refuses new ones from now on.
    pub fn shut_out_clients(self: &Rc<Self>, id: NodeId) {
        let cut = self.conns.borrow().of(|conn| conn.node == id);
        if let Some(node) = self.nodes.borrow_mut().get_mut(id) {
            node.refused = Some(cut.len() as u64);
        }
        cut.into_iter().for_each(|conn| self.reset(conn));
    }

    /// Connections that were cut and refused since [`Cluster::shut_out_clients`].
    pub fn shut_out(&self, id: NodeId) -> u64 {
        let nodes = self.nodes.borrow();
        nodes.get(id).and_then(|node| node.refused).unwrap_or(0)
    }

    pub fn let_in_clients(&self, id: NodeId) {
        if let Some(node) = self.nodes.borrow_mut().get_mut(id) {
            node.refused = None;
        }
    }

    /// Both ends see the connection break.
    pub(super) fn reset(self: &Rc<Self>, id: ConnId) {
        let node = self.conns.borrow().get(id).map(|conn| conn.node);
        if let Some(node) = node {
            self.close_by_broker(id);
            self.step(node, In::Closed { conn: id });
        }
    }

    /// No answer comes on this connection any more, and after a time, if one is given, it breaks.
    pub(super) fn fall_silent(self: &Rc<Self>, id: ConnId, reset_after: Option<Nanos>) {
        if let Some(conn) = self.conns.borrow_mut().get_mut(id) {
            conn.silent = true;
        }
        if let Some(after) = reset_after {
            let cluster = Rc::clone(self);
            let at = self.kernel.now() + after;
            self.kernel.at(at, move || cluster.reset(id));
        }
    }

    /// Ends the connections on which no answer comes any more.
    pub fn reset_silent(self: &Rc<Self>) {
        let silent = self.conns.borrow().of(|conn| conn.silent);
        silent.into_iter().for_each(|id| self.reset(id));
    }
}
