//! What becomes of partitions when brokers come, go, or propose another in-sync set.

use super::Controller;
use super::change::Change;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{NodeId, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::PartitionState;

impl<B: Clone> Controller<B> {
    /// A broker is fenced or shuts down: it leaves the in-sync sets, and what it led gets another leader.
    pub(super) fn leave_partitions(&mut self, node: NodeId, out: &mut Outbox<B>) {
        for (partition, state) in self.concerned(node) {
            let isr = without(&state.isr, node);
            self.change(partition, &state, isr, None, out);
        }
    }

    /// A process came back without having ended in order: what it had in memory only may be gone, so it is not eligible any more.
    pub(super) fn unclean_restart(&mut self, node: NodeId, out: &mut Outbox<B>) {
        for (partition, state) in self.concerned(node) {
            let isr = without(&state.isr, node);
            let forgets = self.config.defects.forget_eligible_replicas;
            let lost = (self.config.eligible_leader_replicas && !forgets).then_some(node);
            self.change(partition, &state, isr, lost, out);
        }
    }

    pub(super) fn elect_where_offline(&mut self, out: &mut Outbox<B>) {
        for (partition, state) in self.matching(|state| state.leader.is_none()) {
            self.change(partition, &state, state.isr.clone(), None, out);
        }
    }

    fn concerned(&self, node: NodeId) -> Vec<(TopicPartition, PartitionState)> {
        self.matching(|state| {
            state.leader == Some(node) || state.isr.contains(&node) || state.elr.contains(&node)
        })
    }

    fn matching(
        &self,
        wanted: impl Fn(&PartitionState) -> bool,
    ) -> Vec<(TopicPartition, PartitionState)> {
        self.partitions()
            .filter(|(_, state)| wanted(state))
            .map(|(partition, state)| (*partition, state.clone()))
            .collect()
    }

    /// Gives a partition another in-sync set, and a leader if it needs one.
    pub(super) fn change(
        &mut self,
        partition: TopicPartition,
        old: &PartitionState,
        isr: Vec<NodeId>,
        unclean_shutdown: Option<NodeId>,
        out: &mut Outbox<B>,
    ) {
        let own = self.topic_config(partition.topic).unclean_leader_election;
        let change = Change {
            old,
            last_known_leader: self.disk.last_leaders.get(&partition).copied(),
            min_insync: self.min_insync(partition.topic),
            eligible_leader_replicas: self.config.eligible_leader_replicas
                && !self.config.defects.forget_eligible_replicas,
            unclean_election: self.config.defects.elect_unclean
                || own.unwrap_or(self.config.unclean_leader_election),
            isr,
            unclean_shutdown,
        };
        let usable = |node: NodeId| {
            self.is_alive(node) && !self.is_shutting_down(node) && unclean_shutdown != Some(node)
        };
        let changed = change.build(usable);
        match changed.last_known_leader {
            Some(leader) => self.disk.last_leaders.insert(partition, leader),
            None => self.disk.last_leaders.remove(&partition),
        };
        if changed.state != *old {
            tell(partition, old, &changed.state, changed.clean, out);
            self.commit_partition(partition, changed.state);
        }
    }
}

fn without(nodes: &[NodeId], gone: NodeId) -> Vec<NodeId> {
    nodes.iter().copied().filter(|node| *node != gone).collect()
}

fn tell<B>(
    partition: TopicPartition,
    old: &PartitionState,
    new: &PartitionState,
    clean: bool,
    out: &mut Outbox<B>,
) {
    if old.isr != new.isr {
        out.fact(Fact::IsrChanged {
            partition,
            epoch: new.leader_epoch,
            from: old.isr.clone(),
            to: new.isr.clone(),
        });
    }
    if old.leader != new.leader {
        out.fact(Fact::Elected {
            partition,
            leader: new.leader,
            epoch: new.leader_epoch,
            isr: new.isr.clone(),
            clean,
        });
    }
}
