//! A broker whose process is stopped, and goes on: what SIGSTOP and SIGCONT do.
//!
//! While it is stopped its connections stay open, what is sent to it waits, and so do its timers and finished flushes. Then all of it comes
//! at once, into a machine whose clock has jumped.

use super::Cluster;
use squall_model::kafka::NodeId;
use std::rc::Rc;

impl Cluster {
    /// False: it is down, or paused already.
    pub fn pause_broker(&self, id: NodeId) -> bool {
        let mut nodes = self.nodes.borrow_mut();
        let Some(node) = nodes.get_mut(id) else {
            return false;
        };
        let runs = node.is_up() && node.held.is_none();
        if runs {
            node.held = Some(Vec::new());
        }
        runs
    }

    /// What waits for a broker that is paused.
    pub fn waiting_for(&self, id: NodeId) -> usize {
        let nodes = self.nodes.borrow();
        let held = nodes.get(id).and_then(|node| node.held.as_ref());
        held.map_or(0, Vec::len)
    }

    /// It goes on, unless it is down or was not paused.
    pub fn resume_broker(self: &Rc<Self>, id: NodeId) {
        let held = {
            let mut nodes = self.nodes.borrow_mut();
            nodes.get_mut(id).and_then(|node| node.held.take())
        };
        for input in held.into_iter().flatten() {
            self.step(id, input);
        }
        self.arm(id);
    }
}
