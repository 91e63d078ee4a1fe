//! How one partition changes: its in-sync set, its eligible replicas and its leader together (KIP-966).

#[cfg(test)]
mod tests;

use crate::kafka::ids::NodeId;
use crate::kafka::peer::PartitionState;

/// What is about to happen to a partition.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    pub old: &'a PartitionState,
    /// The last leader of a partition whose in-sync set became empty.
    pub last_known_leader: Option<NodeId>,
    pub min_insync: usize,
    pub eligible_leader_replicas: bool,
    /// `unclean.leader.election.enable` of the topic.
    pub unclean_election: bool,
    pub isr: Vec<NodeId>,
    /// A broker that came back without having ended in order: what it had only in memory may be gone.
    pub unclean_shutdown: Option<NodeId>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    pub state: PartitionState,
    pub last_known_leader: Option<NodeId>,
    /// Whether the leader, if it is a new one, surely has everything that was committed.
    pub clean: bool,
}

/// How a leader was found.
enum Election {
    Kept(NodeId),
    Clean(NodeId),
    Unclean(NodeId),
    Nobody,
}

impl Change<'_> {
    /// `usable`: brokers that may lead now.
    pub fn build(mut self, usable: impl Fn(NodeId) -> bool) -> Changed {
        let enough = self.isr.len() >= self.min_insync.min(self.old.replicas.len());
        let mut elr = if enough { Vec::new() } else { self.eligible() };
        if enough {
            self.last_known_leader = None;
        }
        let mut clean = true;
        let leader = match self.elect(&elr, usable) {
            Election::Kept(leader) => Some(leader),
            Election::Clean(leader) => {
                if !self.isr.contains(&leader) {
                    self.isr.push(leader);
                }
                elr.retain(|node| *node != leader);
                Some(leader)
            }
            Election::Unclean(leader) => {
                self.isr = vec![leader];
                elr.clear();
                self.last_known_leader = None;
                clean = false;
                Some(leader)
            }
            Election::Nobody => None,
        };
        if self.isr.is_empty() && !self.eligible_leader_replicas {
            // Without KIP-966 the last member never leaves.
            self.isr.clone_from(&self.old.isr);
        }
        if self.isr.is_empty() && self.old.leader.is_some() {
            self.last_known_leader = self.old.leader;
        }
        let last_known_leader = self.last_known_leader;
        Changed {
            state: self.next(leader, elr),
            last_known_leader,
            clean,
        }
    }

    /// Replicas that have all that was committed although they are not in sync: the high watermark stands while the set is too small.
    fn eligible(&self) -> Vec<NodeId> {
        if !self.eligible_leader_replicas {
            return Vec::new();
        }
        let is_member = |node: &NodeId| self.old.isr.contains(node) || self.old.elr.contains(node);
        let stays =
            |node: &NodeId| !self.isr.contains(node) && self.unclean_shutdown != Some(*node);
        let replicas = self.old.replicas.iter();
        replicas
            .filter(|node| is_member(node) && stays(node))
            .copied()
            .collect()
    }

    fn elect(&self, elr: &[NodeId], usable: impl Fn(NodeId) -> bool) -> Election {
        let valid =
            |node: NodeId| (self.isr.contains(&node) || elr.contains(&node)) && usable(node);
        if let Some(leader) = self.old.leader.filter(|leader| valid(*leader)) {
            return Election::Kept(leader);
        }
        let mut replicas = self.old.replicas.iter().copied();
        if let Some(leader) = replicas.clone().find(|node| valid(*node)) {
            return Election::Clean(leader);
        }
        // Nobody is known to be complete: then the last leader is (KIP-966's balanced recovery).
        let nobody = self.eligible_leader_replicas && elr.is_empty() && self.isr.is_empty();
        if let Some(leader) = self
            .last_known_leader
            .filter(|node| nobody && usable(*node))
        {
            return Election::Unclean(leader);
        }
        match replicas.find(|node| self.unclean_election && usable(*node)) {
            Some(leader) => Election::Unclean(leader),
            None => Election::Nobody,
        }
    }

    fn next(self, leader: Option<NodeId>, elr: Vec<NodeId>) -> PartitionState {
        let old = self.old;
        let mut state = PartitionState {
            leader,
            leader_epoch: old.leader_epoch,
            partition_epoch: old.partition_epoch,
            replicas: old.replicas.clone(),
            isr: self.isr,
            elr,
        };
        if state.leader != old.leader {
            state.leader_epoch += 1;
        }
        if state != *old {
            state.partition_epoch += 1;
        }
        state
    }
}
